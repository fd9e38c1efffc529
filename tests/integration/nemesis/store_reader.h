// The coordinator's store as others see it: rows as texts. For the audit alone; the product's store
// (coordinator/store) takes the lock, which the coordinator holds.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace posefleet::nemesis {

// A connection to the coordinator's store. Readers do not disturb its writer.
class StoreReader final {
 public:
  explicit StoreReader(const std::filesystem::path& data) {
    const std::filesystem::path file = data / "posefleet.sqlite";
    if (std::filesystem::exists(file))
      sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr);
    if (db_ != nullptr) sqlite3_busy_timeout(db_, 5000);
  }
  ~StoreReader() { sqlite3_close(db_); }
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;

  bool run(const char* sql) {
    return db_ != nullptr && sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  // Each row as texts.
  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    std::vector<std::vector<std::string>> rows;
    sqlite3_stmt* statement = nullptr;
    if (db_ == nullptr) return rows;
    sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::vector<std::string>& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        row.emplace_back(text == nullptr ? "" : text);
      }
    }
    sqlite3_finalize(statement);
    return rows;
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace posefleet::nemesis
