// The platforms that have a binary, and what every binary must be.
// Data only.

/** Oldest C library that the binaries run on: Debian 10, Ubuntu 20.04, RHEL 8. */
export const GLIBC = '2.28';

/** Largest binary, in bytes; today's have 777,432 to 882,688. */
export const MAX_BYTES = 1024 * 1024;

/** Oldest macOS that the binaries run on: that of Node 20, and one with a processor of Apple's. */
export const MACOS = '11.0';

/** Node's names; Zig's name; that of the processor for readelf (Linux) or llvm-objdump (macOS; on Windows, of the format). */
export const TARGETS = [
  { platform: 'linux', arch: 'x64', zigTarget: `x86_64-linux-gnu.${GLIBC}`, machine: 'Advanced Micro Devices X86-64' },
  { platform: 'linux', arch: 'arm64', zigTarget: `aarch64-linux-gnu.${GLIBC}`, machine: 'AArch64' },
  { platform: 'darwin', arch: 'arm64', zigTarget: `aarch64-macos.${MACOS}`, machine: 'ARM64' },
  { platform: 'darwin', arch: 'x64', zigTarget: `x86_64-macos.${MACOS}`, machine: 'X86_64' },
  { platform: 'win32', arch: 'x64', zigTarget: 'x86_64-windows-gnu', machine: 'coff-x86-64' },
];

/** File name of a target's binary under prebuilds/; node-gyp-build looks at the C library on Linux only. */
export function prebuildPath({ platform, arch }) {
  return `${platform}-${arch}/tfjs-ema${platform === 'linux' ? '.glibc' : ''}.node`;
}
