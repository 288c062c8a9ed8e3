"""Reads `rls3 export --format webdataset`: python3 read_webdataset.py FOLDER SPLIT"""

import json
import pathlib
import sys
import tarfile

from png import pixels


def read(folder, split):
    """For each sample: its row, its picture as (width, height, bytes), and its caption."""
    for shard in sorted(pathlib.Path(folder).glob(f"{split}-*.tar")):
        with tarfile.open(shard) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar}
        for key in [name[:-4] for name in files if name.endswith(".png")]:
            yield json.loads(files[f"{key}.json"]), pixels(files[f"{key}.png"]), files[f"{key}.txt"].decode()


if __name__ == "__main__":
    for row, (width, height, _), caption in read(*sys.argv[1:3]):
        print(row["id"], width, height, caption)
