"""The records of a TensorBoard event file, checked.

A record is the length of a message (8 bytes), a checksum of that (4), the message, and a checksum
of it (4). A program that is killed leaves half a record at the end of its file.
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

MOST_RECORD_BYTES = 2**16
"""A longer message holds an image, a graph or a sound: it is stepped over, not read. A scalar takes
some 60 bytes, the hyperparameters of a run some thousand."""

_BLOCK_BYTES = 2**20
_BEFORE, _AFTER = 12, 4
"""Bytes around a message: its length (8) and the checksum of that (4); its own checksum."""


class DamagedError(Exception):
    """What is wrong with the rest of the file, as the end of a sentence about the file."""


def messages(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The messages of a file, without those that are too long to be of interest.

    Raises:
        DamagedError: After the last good one.
    """
    position = 0
    while position < size:
        file.seek(position)
        block = file.read(_BLOCK_BYTES)
        starts, lengths, end = _frames(block)
        good = _intact(block, starts, lengths)
        for start, length in zip(starts[:good], lengths[:good], strict=True):
            if length <= MOST_RECORD_BYTES:
                yield block[start : start + length]
        if good < len(starts):
            where = position + starts[good] - _BEFORE
            raise DamagedError(
                f"is damaged at byte {where:,} (wrong checksum); the rest is left out"
            )
        if position + end > size or not starts:
            raise DamagedError("is cut off in its last record; what is before it was read")
        position += end


def _frames(block: bytes) -> tuple[list[int], list[int], int]:
    """Start and length of each message in a block; and where the next block has to start."""
    starts: list[int] = []
    lengths: list[int] = []
    at = 0
    unpack, many = struct.Struct("<Q").unpack_from, len(block)
    while at + _BEFORE <= many:
        (length,) = unpack(block, at)
        end = at + _BEFORE + length + _AFTER
        if end > many and length <= MOST_RECORD_BYTES:
            break
        starts.append(at + _BEFORE)
        lengths.append(length)
        at = end
    return starts, lengths, at


def _intact(block: bytes, starts: list[int], lengths: list[int]) -> int:
    """How many messages of a block, from the first one on, have the checksums that they should."""
    if not starts:
        return 0
    data, begin = np.frombuffer(block, np.uint8), np.array(starts, np.int64)
    wrong = _wrong(data, begin - _BEFORE, 8)
    trusted = int(wrong.argmax()) if wrong.any() else len(starts)
    # What is stepped over is not worth checking; less than four bytes hold no observation.
    size = np.array([n if 4 <= n <= MOST_RECORD_BYTES else 0 for n in lengths[:trusted]], np.int64)
    for length in np.unique(size[size > 0]):
        places = np.flatnonzero(size == length)
        wrong = _wrong(data, begin[places], int(length))
        if wrong.any():
            trusted = min(trusted, int(places[wrong.argmax()]))
    return trusted


def _wrong(data: NDArray[np.uint8], begin: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Whether pieces of data of one size differ from the checksums that follow them."""
    rows = data[begin[:, None] + np.arange(size + 4)]
    stored = np.ascontiguousarray(rows[:, size:]).view("<u4")[:, 0]
    crcs = _crc(rows[:, :size])
    masked = ((crcs >> 15) | (crcs << 17)) + np.uint32(0xA282EAD8)
    wrong: NDArray[np.bool_] = masked != stored
    return wrong


_PIECE_BYTES = 2**10
"""Bytes of a message whose checksum is looked up at once."""


@cache
def _table() -> NDArray[np.uint32]:
    """What a byte with n bytes of 0 after it adds to a CRC-32C, by n and by the byte."""
    one = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        one = (one >> np.uint32(1)) ^ (one & np.uint32(1)) * np.uint32(0x82F63B78)
    table = np.empty((_PIECE_BYTES, 256), np.uint32)
    table[0] = one
    for n in range(1, _PIECE_BYTES):
        table[n] = one[table[n - 1] & 0xFF] ^ (table[n - 1] >> 8)
    return table


def _crc(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """CRC-32C of each row of at least four bytes.

    The checksum is linear: that of a message is the sum (exclusive or) of those of its bytes, and a
    long one is summed piece by piece, with what was found so far moved on by the next piece.
    """
    many, size = rows.shape
    width = min(size, _PIECE_BYTES)
    # The usual start inverts the first four bytes; then, zeros before a message change nothing.
    padded = np.zeros((many, -(-size // width) * width), np.uint8)
    padded[:, -size:] = rows
    padded[:, padded.shape[1] - size :][:, :4] ^= 0xFF
    table = _table()
    pieces = table[np.arange(width)[::-1], padded.reshape(many, -1, width)]
    sums = np.bitwise_xor.reduce(pieces, axis=2)
    crc = sums[:, 0]
    for following in sums.T[1:]:
        a, b, c, d = (crc >> np.uint32(shift) & 0xFF for shift in (0, 8, 16, 24))
        crc = table[-1, a] ^ table[-2, b] ^ table[-3, c] ^ table[-4, d] ^ following
    inverted: NDArray[np.uint32] = ~crc
    return inverted
