// Small files in the formats of CIFAR and CIFAR-N, for tests.
// Written from the formats' descriptions, with no code of the readers.

/** Records of label bytes and three planes of 1024 pixels: (image + 1) * 50 + channel * 10 + pixel % 7, modulo 256. */
export function cifarRecords(labels: readonly (readonly number[])[], firstImage = 0): Buffer {
  return Buffer.concat(
    labels.map((bytes, index) => {
      const pixels = Uint8Array.from({ length: 3072 }, (_, at) => {
        return ((firstImage + index + 1) * 50 + Math.floor(at / 1024) * 10 + ((at % 1024) % 7)) % 256;
      });
      return Buffer.concat([Buffer.from(bytes), pixels]);
    }),
  );
}

/** A file as torch.save writes a record of int64 arrays: a zip archive, not packed, around a pickle of protocol 2. */
export function humanLabelsFile(
  arrays: Readonly<Record<string, readonly number[]>>,
  names: readonly string[] = [],
  pickle: Buffer = pickled(arrays, names),
): Buffer {
  return zip([
    ['archive/data.pkl', pickle],
    ['archive/version', Buffer.from('3\n')],
  ]);
}

function pickled(arrays: Readonly<Record<string, readonly number[]>>, names: readonly string[]): Buffer {
  const entries = Object.entries(arrays).map(([name, values]) => Buffer.concat([text(name), array(values)]));
  // An entry that is a list of texts, as the class names of CIFAR-100N.
  const list = Buffer.concat([text('names'), op(']q\x00('), ...names.map(text), op('e')]);
  return Buffer.concat([op('\x80\x02}q\x00('), ...entries, ...(names.length > 0 ? [list] : []), op('u.')]);
}

/** numpy.core.multiarray._reconstruct(ndarray, (0,), b'b'), then its state: version, shape, dtype, order, bytes. */
function array(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeBigInt64LE(BigInt(value), 8 * index);
  const encoded = (content: Buffer): Buffer =>
    Buffer.concat([op('c_codecs\nencode\n'), text(content.toString('latin1')), text('latin1'), op('\x86R')]);
  const count = Buffer.alloc(2);
  count.writeUInt16LE(values.length);
  return Buffer.concat([
    op('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85'),
    encoded(Buffer.from('b')),
    op('\x87R(K\x01M'),
    count,
    op('\x85cnumpy\ndtype\n'),
    text('i8'),
    op('\x89\x88\x87R(K\x03'),
    text('<'),
    op('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89'),
    encoded(bytes),
    op('tb'),
  ]);
}

function op(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1');
}

/** BINUNICODE: length and UTF-8. */
function text(content: string): Buffer {
  const utf8 = Buffer.from(content, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(utf8.length);
  return Buffer.concat([op('X'), length, utf8]);
}

/** Members stored as they are, with sizes in the directory only, as torch.save's streams have them. */
function zip(members: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of members) {
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(0x0008, 6);
    header.writeUInt16LE(name.length, 26);
    header.writeUInt16LE(5, 28);
    parts.push(header, Buffer.from(name), Buffer.from('FB\x01\x00Z', 'latin1'), content);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name));
    offset += 30 + name.length + 5 + content.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, entries, end]);
}
