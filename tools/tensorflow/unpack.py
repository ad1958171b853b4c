"""Takes named members, and the C headers that they are used with, out of a Python wheel (a zip).

Nothing is decided here: the caller names wheel, destination, members and header roots. A member's checksum is verified
by zipfile while it is read.

    unpack.py WHEEL DEST --member tensorflow/x.so ... --headers PREFIX root.h ...

Members go to DEST/lib, headers to DEST/include. Header roots and all that they include (as far as the wheel has it) are
taken: TensorFlow's C API is about 20 of its 13,000 headers.
"""

import argparse
import os
import posixpath
import re
import shutil
import sys
import zipfile

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def write(archive, name, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(name) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def header_closure(archive, prefix, roots):
    """Names below `prefix` of the roots and of what they include."""
    names = set(archive.namelist())
    found, waiting = set(), [root for root in roots if prefix + root in names]
    while waiting:
        header = waiting.pop()
        if header in found:
            continue
        found.add(header)
        text = archive.read(prefix + header).decode("utf-8", "replace")
        for included in INCLUDE.findall(text):
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(header), included))
            waiting.extend(name for name in (included, beside) if prefix + name in names)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel")
    parser.add_argument("dest")
    parser.add_argument("--member", action="append", default=[])
    parser.add_argument("--headers", nargs="+", default=[])
    options = parser.parse_args()
    try:
        with zipfile.ZipFile(options.wheel) as archive:
            for member in options.member:
                write(archive, member, os.path.join(options.dest, "lib", posixpath.basename(member)))
            prefix, roots = (options.headers + [""])[0], options.headers[1:]
            for header in header_closure(archive, prefix, roots):
                write(archive, prefix + header, os.path.join(options.dest, "include", header))
    except (zipfile.BadZipFile, KeyError) as error:
        sys.exit(f"damaged or unexpected wheel {os.path.basename(options.wheel)}: {error}")


if __name__ == "__main__":
    main()
