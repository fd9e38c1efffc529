// SQLite statements with values bound in order. Private to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "common/base/result.h"

namespace posefleet::sqlite {

inline Error error_of(sqlite3* db, std::string_view what) {
  const int code = sqlite3_errcode(db);
  const bool passes = code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_BUSY;
  return {passes ? ErrorCode::Retry : ErrorCode::Internal,
          "store: " + std::string(what) + ": " + sqlite3_errmsg(db)};
}

// One prepared statement, used once, or again after reset().
class Statement final {
 public:
  Statement(sqlite3* db, std::string_view sql) : db_(db) {
    is_good_ = sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &statement_,
                                  nullptr) == SQLITE_OK;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::uint64_t value) {
    is_good_ = is_good_ && sqlite3_bind_int64(statement_, ++bound_,
                                              static_cast<sqlite3_int64>(value)) == SQLITE_OK;
    return *this;
  }
  Statement& bind(double value) {
    is_good_ = is_good_ && sqlite3_bind_double(statement_, ++bound_, value) == SQLITE_OK;
    return *this;
  }
  Statement& bind(std::string_view value) {
    is_good_ = is_good_ &&
               sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()),
                                 SQLITE_TRANSIENT) == SQLITE_OK;
    return *this;
  }

  // Ready to be bound and run once more.
  Statement& reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
    is_good_ = statement_ != nullptr;
    return *this;
  }

  // True: a row is there to be read. False: no more rows.
  Result<bool> step() {
    if (!is_good_) return error_of(db_, "statement");
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return error_of(db_, "step");
  }
  Status run() {
    POSEFLEET_TRY([[maybe_unused]] const bool row, step());
    // A statement that is not reset holds its lock on the tables, and values that are long gone.
    sqlite3_reset(statement_);
    return done();
  }

  std::uint64_t number_at(int column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  double real_at(int column) { return sqlite3_column_double(statement_, column); }
  std::string text_at(int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {text == nullptr ? "" : text,
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  bool is_good_ = false;
};

inline Status run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error_of(db, sql);
  return done();
}

// Rolls back when it goes without commit().
class Transaction final {
 public:
  explicit Transaction(sqlite3* db) : db_(db), begun_(run(db, "BEGIN IMMEDIATE")) {}
  ~Transaction() {
    if (is_open_ && begun_) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const Status& begun() const { return begun_; }
  Status commit() {
    POSEFLEET_TRY_DO(run(db_, "COMMIT"));
    is_open_ = false;
    return done();
  }

 private:
  sqlite3* db_;
  Status begun_;
  bool is_open_ = true;
};

}  // namespace posefleet::sqlite
