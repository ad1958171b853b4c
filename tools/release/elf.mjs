// What an ELF shared library asks for and offers, read from its bytes, so that any machine can judge any target's binary.
// Holds no rules: those are in verify-prebuilds.mjs. 64-bit little-endian files only.

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PT_GNU_RELRO = 0x6474e552;
const PF_X = 1;
const SHT_DYNSYM = 11;
const DT = {
  needed: 1,
  strtab: 5,
  symtab: 6,
  rpath: 15,
  textrel: 22,
  bindNow: 24,
  runpath: 29,
  flags: 30,
  flags1: 0x6ffffffb,
  verneed: 0x6ffffffe,
  verneednum: 0x6fffffff,
  versym: 0x6ffffff0,
};
const DF_TEXTREL = 4;
const DF_BIND_NOW = 8;
const DF_1_NOW = 1;
const DF_1_NODELETE = 8;

/** Bytes of a file, read by offset, and what its program headers say of the loaded image. */
class Image {
  #bytes;
  segments;

  constructor(bytes) {
    this.#bytes = bytes;
    const start = this.u64(32);
    const size = this.u16(54);
    this.segments = Array.from({ length: this.u16(56) }, (_, i) => {
      const at = start + i * size;
      const type = this.u32(at);
      return {
        type,
        flags: this.u32(at + 4),
        offset: this.u64(at + 8),
        address: this.u64(at + 16),
        bytes: this.u64(at + 32),
      };
    });
  }

  u16(at) {
    return this.#bytes.readUInt16LE(at);
  }

  u32(at) {
    return this.#bytes.readUInt32LE(at);
  }

  u64(at) {
    return Number(this.#bytes.readBigUInt64LE(at));
  }

  /** The file offset of an address of the loaded image. */
  offset(address) {
    const holds = (s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.bytes;
    const segment = this.segments.find(holds);
    if (segment === undefined) throw new Error(`no segment holds address ${address}`);
    return address - segment.address + segment.offset;
  }

  text(at) {
    return this.#bytes.toString('latin1', at, this.#bytes.indexOf(0, at));
  }
}

function dynamicEntries(image) {
  const segment = image.segments.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined) throw new Error('expected a shared library; received a file without a dynamic section');
  const entries = [];
  for (let at = segment.offset; image.u64(at) !== 0; at += 16)
    entries.push({ tag: image.u64(at), value: image.u64(at + 8) });
  return entries;
}

/** The versions of other libraries' symbols that the file needs, by the index that a symbol's entry names. */
function neededVersions(image, value, strings) {
  const versions = new Map();
  let at = value(DT.verneed) === undefined ? 0 : image.offset(value(DT.verneed));
  for (let left = value(DT.verneednum) ?? 0; left > 0; left--) {
    const library = image.text(strings + image.u32(at + 4));
    let entry = at + image.u32(at + 8);
    for (let i = image.u16(at + 2); i > 0; i--) {
      versions.set(image.u16(entry + 6), { library, version: image.text(strings + image.u32(entry + 8)) });
      entry += image.u32(entry + 12);
    }
    at += image.u32(at + 12);
  }
  return versions;
}

/** The size of the symbol table, which only its section tells; stripped libraries keep that one. */
function dynamicSymbolBytes(image) {
  const start = image.u64(40);
  for (let i = 0; i < image.u16(60); i++) {
    const at = start + i * image.u16(58);
    if (image.u32(at + 4) === SHT_DYNSYM) return image.u64(at + 32);
  }
  throw new Error('expected a table of dynamic symbols; found none');
}

function dynamicSymbols(image, value, strings, versions) {
  const table = image.offset(value(DT.symtab));
  const versym = value(DT.versym) === undefined ? undefined : image.offset(value(DT.versym));
  const count = dynamicSymbolBytes(image) / 24;
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * 24;
    return {
      name: image.text(strings + image.u32(at)),
      defined: image.u16(at + 6) !== 0,
      weak: (image.u32(at + 4) & 0xf0) >> 4 === 2,
      version: versym === undefined ? undefined : versions.get(image.u16(versym + 2 * i) & 0x7fff)?.version,
    };
  }).slice(1);
}

/**
 * Reads a shared library.
 * @param {Buffer} bytes the whole file.
 * @returns its machine number, needed libraries, needed versions, dynamic symbols and hardening.
 */
export function readElf(bytes) {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    throw new Error('expected a 64-bit little-endian ELF file');
  }
  const image = new Image(bytes);
  const entries = dynamicEntries(image);
  const value = (tag) => entries.find((entry) => entry.tag === tag)?.value;
  const strings = image.offset(value(DT.strtab));
  const named = (tag) => entries.filter((entry) => entry.tag === tag).map((entry) => image.text(strings + entry.value));
  const versions = neededVersions(image, value, strings);
  const flags = value(DT.flags) ?? 0;
  const flags1 = value(DT.flags1) ?? 0;
  const stack = image.segments.find(({ type }) => type === PT_GNU_STACK);
  return {
    machine: image.u16(18),
    needed: named(DT.needed),
    searchPaths: [...named(DT.rpath), ...named(DT.runpath)],
    versions: [...versions.values()],
    symbols: dynamicSymbols(image, value, strings, versions),
    bindNow: value(DT.bindNow) !== undefined || (flags & DF_BIND_NOW) !== 0 || (flags1 & DF_1_NOW) !== 0,
    relro: image.segments.some(({ type }) => type === PT_GNU_RELRO),
    executableStack: stack === undefined || (stack.flags & PF_X) !== 0,
    textRelocations: value(DT.textrel) !== undefined || (flags & DF_TEXTREL) !== 0,
    noDelete: (flags1 & DF_1_NODELETE) !== 0,
  };
}
