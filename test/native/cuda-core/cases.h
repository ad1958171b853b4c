// The groups of checks, one file each.
// Each runs on the current device and leaves the fake reset.
#pragma once

namespace cases {

// Before a driver is loaded: the reason why there are no GPU kernels.
void NoDriver();

void Streams();  // needs no device

void ModuleCache();        // first: counts the first loads
void Updates(bool small);  // small: without the long ones, for compute-sanitizer
void Launches();           // how many, how large, no waiting
void Copies();
void Readings();
void StatisticsFigures();
void RandomModels(int count);
void Traffic();  // where the driver counts it: the one that interprets the PTX
void Faults();   // fake only

}  // namespace cases
