"""PNG files without libraries: 8-bit RGB, as in an export. With Pillow: numpy.asarray(Image.open(file))."""

import struct
import zlib


def pixels(png: bytes):
    """Width, height, and the pixels' bytes: red, green, blue, row by row from the top."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG file"
    chunks, at = {}, 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + png[at + 8 : at + 8 + length]
        at += length + 12
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, interlaced) == (8, 2, 0), "not 8-bit RGB"
    packed, stride, rows = zlib.decompress(chunks[b"IDAT"]), 3 * width, [bytes(3 * width)]
    for y in range(height):
        kind, *row = packed[y * (stride + 1) : (y + 1) * (stride + 1)]
        above = rows[-1]
        for i in range(stride):
            left, up, corner = (row[i - 3], above[i], above[i - 3]) if i >= 3 else (0, above[i], 0)
            row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]) & 255
        rows.append(bytes(row))
    return width, height, b"".join(rows[1:])


def paeth(left: int, up: int, corner: int) -> int:
    """The value nearest to left + up - corner."""
    return min((left, up, corner), key=lambda value: abs(left + up - corner - value))
