"""Pictures of every supported kind, and the SHA-256 of the RGB bytes that transformers' load_image makes of them:
ImageOps.exif_transpose(image).convert("RGB"). Written with Pillow 9.4; where newer Pillows differ (`turned`), theirs is right.

python3 generate.py writes the files beside itself, and pictures.json."""
import hashlib
import json
import os
import struct
import zlib

from PIL import Image, ImageOps, PngImagePlugin

os.chdir(os.path.dirname(os.path.abspath(__file__)))
W, H = 23, 17
ROTATE = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE, 6: Image.ROTATE_270,
          7: Image.TRANSVERSE, 8: Image.ROTATE_90}
expected, turned = {}, {}


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def filled(mode, value):
    image = Image.new(mode, (W, H))
    image.putdata([value(x, y) for y in range(H) for x in range(W)])
    return image


base = filled("RGB", lambda x, y: ((x * 11) % 256, (y * 15) % 256, (x * y * 3) % 256))
shade = filled("L", lambda x, y: (x * 9 + y * 5) % 256)
holes = filled("L", lambda x, y: 0 if (x // 4 + y // 4) % 2 else 255)
grey, few, many = base.convert("L"), base.quantize(13), base.quantize(200)
part, whole = base.copy(), base.copy()
part.putalpha(shade)
whole.putalpha(holes)
la = grey.copy()
la.putalpha(shade)
cmyk = Image.merge("CMYK", (*base.convert("CMYK").split()[:3], shade))

# Transparency: the colour below it stays.
base.save("rgb.png")
part.save("rgba.png")
la.save("la.png")
grey.save("l.png")
base.convert("1").save("1.png")
few.save("p.png")
few.save("p-transparent.png", transparency=bytes(range(0, 250, 20)))
grey.save("l-transparent.png", transparency=33)
base.save("rgb-transparent.png", transparency=(11, 0, 0))
whole.save("rgba-lossless.webp", lossless=True)
whole.save("rgba-lossy.webp", quality=70)
base.save("lossy.webp", quality=60)
base.save("animated.webp", save_all=True, append_images=[ImageOps.mirror(base)], duration=50)
few.save("p.gif")
grey.save("l.gif")
few.save("transparent.gif", transparency=3)
many.save("interlaced.gif", transparency=7, interlace=1)
whole.save("animated.gif", save_all=True, append_images=[ImageOps.mirror(whole)], duration=50, disposal=2)
# A frame that does not cover its screen, or lies beside its corner.
gif = read("transparent.gif")
write("small-frame.gif", gif[:6] + struct.pack("<HH", W + 5, H + 6) + gif[10:])
moved = bytearray(gif[:6] + struct.pack("<HH", W + 9, H + 9) + gif[10:])
frame = moved.index(b",", 25)
moved[frame + 1:frame + 5] = struct.pack("<HH", 6, 4)
write("moved-frame.gif", moved)

# JPEG: subsampling, progressive, grey, and colour spaces that the Adobe marker tells apart.
for subsampling in (0, 1, 2):
    base.save(f"subsampling-{subsampling}.jpg", quality=75, subsampling=subsampling)
base.save("progressive.jpg", progressive=True)
grey.save("l.jpg")
cmyk.save("cmyk.jpg", quality=90)
adobe = bytearray(read("cmyk.jpg"))
adobe[adobe.find(b"Adobe") + 11] = 2
write("ycck.jpg", adobe)
jpeg = read("subsampling-0.jpg")
write("rgb.jpg", jpeg[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + jpeg[2:])

for compression in ("raw", "tiff_lzw", "jpeg"):
    base.save(f"rgb-{compression}.tif", compression=compression)
grey.save("l.tif")
few.save("p.tif")
cmyk.save("cmyk.tif")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(name, colour, channels):
    """16 bits a channel: Pillow takes the high byte."""
    rows = b"".join(b"\0" + b"".join(struct.pack(">H", (x * 1701 + y * 977 + c * 313) % 65536)
                                    for x in range(W) for c in range(channels)) for y in range(H))
    header = struct.pack(">IIBBBBB", W, H, 16, colour, 0, 0, 0)
    write(name, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


png16("rgb16.png", 2, 3)
png16("la16.png", 4, 2)
png16("rgba16.png", 6, 4)
png = read("rgb.png")
early = lambda name, data: write(name, png[:33] + data + png[33:])
late = lambda name, data: write(name, png[:-12] + data + png[-12:])
early("gamma.png", chunk(b"gAMA", struct.pack(">I", 100000)))


# Orientation: all eight, in every format; both byte orders, both types of numbers; EXIF before XMP; before and after the pixels.
def exif(orientation, order="<", kind=3):
    value = struct.pack(order + "HH", orientation, 0) if kind == 3 else struct.pack(order + "I", orientation)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return b"Exif\0\0" + mark + struct.pack(order + "IHHHI", 8, 1, 0x112, kind, 1) + value + struct.pack(order + "I", 0)


for orientation in range(1, 9):
    base.save(f"orientation-{orientation}.png", exif=exif(orientation)[6:])
    base.save(f"orientation-{orientation}.jpg", exif=exif(orientation))
    base.save(f"orientation-{orientation}.webp", exif=exif(orientation), lossless=True)
    tags = Image.Exif()
    tags[0x0112] = orientation
    base.save(f"orientation-{orientation}.tif", exif=tags.tobytes())
    turned[f"orientation-{orientation}.tif"] = orientation
for order, ending in (("<", "little"), (">", "big")):
    for kind, size in ((3, "short"), (4, "long")):
        base.save(f"exif-{ending}-{size}.jpg", exif=exif(6, order, kind))
base.save("exif-9.jpg", exif=exif(9))
base.save("exif-0.jpg", exif=exif(0))
xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
name = b"XML:com.adobe.xmp\0"
early("xmp.png", chunk(b"iTXt", name + b"\0\0\0\0" + xmp))
late("xmp-late.png", chunk(b"iTXt", name + b"\0\0\0\0" + xmp))
early("xmp-compressed.png", chunk(b"iTXt", name + b"\1\0\0\0" + zlib.compress(xmp)))
early("xmp-element.png", chunk(b"iTXt", name + b"\0\0\0\0<tiff:Orientation>8</tiff:Orientation>"))
early("exif-before-xmp.png", chunk(b"iTXt", name + b"\0\0\0\0" + xmp) + chunk(b"eXIf", exif(3)[6:]))
late("exif-late.png", chunk(b"eXIf", exif(6)[6:]))
profile = b"\nexif\n      32\n" + exif(6, ">").hex().encode() + b"\n"
early("exif-profile.png", chunk(b"tEXt", b"Raw profile type exif\0" + profile))
early("exif-profile-compressed.png", chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)))
packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp
write("xmp.jpg", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + jpeg[2:])
base.save("xmp.webp", lossless=True, xmp=xmp)
turned["xmp.jpg"] = turned["xmp.webp"] = 6

for file in sorted(os.listdir(".")):
    if file.split(".")[-1] not in ("png", "jpg", "webp", "gif", "tif"):
        continue
    image = Image.open(file)
    if file in turned:
        image = Image.frombytes("RGB", base.size, base.tobytes()) if file[-3:] == "tif" else image
        image = image.transpose(ROTATE[turned[file]]) if turned[file] > 1 else image
    else:
        image = ImageOps.exif_transpose(image)
    image = image.convert("RGB")
    expected[file] = [image.height, image.width, hashlib.sha256(image.tobytes()).hexdigest()]
with open("pictures.json", "w") as out:
    out.write("{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items()) + "\n}\n")
