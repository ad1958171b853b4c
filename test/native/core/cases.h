// The groups of checks of core_test.
// One function per file; main.cc calls them.
#pragma once

namespace cases {

void Ahead();
void Alphas();
void Combinations();
void Interface();
void Modes();
void Offsets();
void Pool();
void RandomTables();
void Sizes();
void SpecialValues();
void StatisticsFigures();
void Tables();

}  // namespace cases
