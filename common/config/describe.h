// What a row says about itself in messages, help and tables.
//
// Internal to common/config.
#pragma once

#include <string>

#include "common/config/fields.h"

namespace posefleet::config_detail {

// "whole numbers 1..65535", "one of keep, fail", "true or false".
std::string allowed_text(const FieldRow& row);

// As it stands in a file: quoted text, plain numbers, [lists].
std::string value_text(const FieldValue& value);

}  // namespace posefleet::config_detail
