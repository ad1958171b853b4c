// A table of weights, an arena and alphas drawn from any bytes, updated and held against the
// oracle. Shared by the random cases and the fuzzer; every weight and the arena are allocations of
// their own, of exactly their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace random_table {

constexpr int kMany = 100000;
constexpr int kFew = 2000;

// How many tables cases::RandomTables draws; kMany unless set.
void SetCount(int count);
int Count();

// What is wrong, empty when nothing is. Bytes that run out count as 0.
std::string Check(const uint8_t* bytes, size_t size);

}  // namespace random_table
