// The platforms that have a binary, and what every binary must be.
// Data only.

/** Oldest C library that the binaries run on: Debian 10, Ubuntu 20.04, RHEL 8. */
export const GLIBC = '2.28';

/** Largest binary, in bytes; today's are about half. */
export const MAX_BYTES = 1024 * 1024;

/** Node's names, and those of Zig and of readelf for the same processor. */
export const TARGETS = [
  { platform: 'linux', arch: 'x64', zigArch: 'x86_64', elfMachine: 'Advanced Micro Devices X86-64' },
  { platform: 'linux', arch: 'arm64', zigArch: 'aarch64', elfMachine: 'AArch64' },
];

/** File name of a target's binary under prebuilds/. */
export function prebuildPath({ platform, arch }) {
  return `${platform}-${arch}/tfjs-ema.glibc.node`;
}
