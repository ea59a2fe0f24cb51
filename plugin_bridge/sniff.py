"""Which container a file is, told by its content and never by its name."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from dsp.errors import InputError

REEXPORT = "the file is damaged: export or copy it again"
#: A real header has a dozen chunks; a file of zeros would have millions.
MAX_CHUNKS = 4096
WAVE64_GUID = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Bytes of a file from an offset, fewer where it ends."""
    file.seek(offset)
    return file.read(size)


@dataclass(frozen=True)
class Kind:
    """A recognised container."""

    container: str  #: as reports name it
    demuxer: str  #: FFmpeg's name of it
    length_known: bool = True  #: whether the header states the length
    cut_off: str | None = None  #: what shows that the end is missing


_MAGIC: list[tuple[int, bytes, Kind]] = [
    (8, b"WAVE", Kind("WAV", "wav")),
    (0, WAVE64_GUID, Kind("W64", "w64")),
    (8, b"AIFF", Kind("AIFF", "aiff")),
    (8, b"AIFC", Kind("AIFF", "aiff")),
    (0, b"fLaC", Kind("FLAC", "flac")),
    (0, b"OggS", Kind("OGG", "ogg")),
    (4, b"ftypM4A", Kind("M4A", "mov")),
    (4, b"ftypM4B", Kind("M4A", "mov")),
    (4, b"ftypqt", Kind("MOV", "mov")),
    (4, b"ftyp", Kind("MP4", "mov")),
    (4, b"moov", Kind("MOV", "mov")),
    (4, b"wide", Kind("MOV", "mov")),
    (4, b"mdat", Kind("MOV", "mov")),
    (0, b"caff", Kind("CAF", "caf")),
    (0, b".snd", Kind("AU", "au")),
    (0, b"\x1a\x45\xdf\xa3", Kind("Matroska", "matroska")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("WMA", "asf")),
    (0, b"wvpk", Kind("WavPack", "wv")),
    (0, b"TTA1", Kind("TTA", "tta")),
    (0, b"MAC ", Kind("APE", "ape")),
    (8, b"AVI ", Kind("AVI", "avi")),
]
_NOT_AUDIO: list[tuple[bytes, str, str]] = [
    (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the audio", "run `git lfs pull`"),
    (b"\x89PNG", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"%PDF", "a PDF document", ""),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"MThd", "a MIDI file, which holds notes and no sound", "render it to audio first"),
    (b"DSD ", "DSD audio, which is not PCM", "convert it to WAV or FLAC"),
    (b"FRM8", "DSD audio, which is not PCM", "convert it to WAV or FLAC"),
]
_SNIFFED_BYTES = 1 << 16
_OGG_TAIL_BYTES = 2 * 65_307  # twice the largest Ogg page (RFC 3533 section 6)
#: Bit rates in kbit/s by index 1-14 (ISO 11172-3 section 2.4.2.3, ISO 13818-3 section 2.4.2.3).
_MPEG1_LAYER3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG1_LAYER2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_MPEG2_LAYER23 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def identify(file: BinaryIO, name: str, file_bytes: int) -> Kind:
    """The container of an open file. Raises InputError for what is no audio, saying what it looks like."""
    if file_bytes == 0:
        raise InputError(name, "is empty (0 bytes)", "export or copy it again")
    head = read_at(file, 0, _SNIFFED_BYTES)
    body = head
    if head[:3] == b"ID3" and len(head) >= 10:  # sizes of seven bits per byte (ID3v2.4 section 3.1)
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        body = read_at(file, 10 + size + (10 if head[5] & 0x10 else 0), _SNIFFED_BYTES)
    if body[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM") and len(body) < 12:
        raise InputError(name, f"its header is cut off after {len(body)} bytes", REEXPORT)
    for offset, magic, kind in _MAGIC:
        if body.startswith(magic, offset):
            end = {"OGG": _ogg_end, "CAF": _caf_end}.get(kind.container)
            return end(file, file_bytes, kind) if end else kind
    return _mpeg_stream(body) or _refused(name, head)


#: A text shorter than this that has a slash and one line is the target of a link (git without symlinks).
_LONGEST_LINK = 256


def _refused(name: str, head: bytes) -> Kind:
    remedy = "choose a WAV, AIFF, FLAC, OGG, MP3 or M4A file"
    for magic, what, instead in _NOT_AUDIO:
        if head.startswith(magic):
            raise InputError(name, f"is {what}", instead or remedy)
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise InputError(name, "is a web page saved under this name", "download the audio itself")
    if head[:3] == b"ID3":
        raise InputError(name, "no audio follows its ID3 tag", REEXPORT)
    if not head.strip(b"\0"):
        raise InputError(name, "holds only zero bytes", REEXPORT)
    if _is_text(head[:4096]):
        text = head.decode("utf-8", "replace").strip()
        if "/" in text and len(text) < _LONGEST_LINK and not set(text) & set("\n\0\t"):
            cause = f"is text that names another file ({text}): a symbolic link that was not restored"
            raise InputError(name, cause, "open that file instead")
        raise InputError(name, "is text, not audio", remedy)
    raise InputError(name, "is not audio in any known format", remedy)


def _is_text(content: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)  # may end inside a character
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character in "\t\r\n\f" for character in text)


def _ogg_end(file: BinaryIO, file_bytes: int, kind: Kind) -> Kind:
    """Whether the last page is whole and marked as the end of the stream (RFC 3533 section 6)."""
    tail = read_at(file, max(0, file_bytes - _OGG_TAIL_BYTES), _OGG_TAIL_BYTES)
    page = tail[max(0, tail.rfind(b"OggS\0")) :]
    segments = page[27 : 27 + page[26]] if len(page) > 27 else b""
    if segments and page[5] & 4 and 27 + page[26] + sum(segments) <= len(page):
        return kind
    return Kind(kind.container, kind.demuxer, cut_off="the stream lacks its end mark (cut off?): it ends")


def _caf_end(file: BinaryIO, file_bytes: int, kind: Kind) -> Kind:
    """Whether the data chunk is all there (Apple Core Audio Format 1.0), which FFmpeg does not tell."""
    position = 8
    for _ in range(MAX_CHUNKS):
        head = read_at(file, position, 12)
        if len(head) < 12:
            break
        size = int.from_bytes(head[4:], "big", signed=True)  # -1: the data goes on to the end of the file
        if size < 0 or (head[:4] == b"data" and position + 12 + size <= file_bytes):
            return kind
        position += 12 + size
    return Kind(kind.container, kind.demuxer, cut_off="the file is shorter than its data chunk: data ends")


def _mpeg_stream(body: bytes) -> Kind | None:
    """MP3 or ADTS AAC, which have no magic number: three frames in a row, each where the last one ends."""
    start = body.find(b"\xff")
    while start >= 0:
        position, found = start, 0
        while found < 3 and (length := _mpeg_frame_bytes(body, position)):
            position, found = position + length, found + 1
        if found == 3 or (found == 2 and position >= len(body)):
            if not body[start + 1] & 0x06:
                return Kind("AAC", "aac", length_known=False)
            first = body[start : start + 200]
            tag = max(first.find(b"Xing"), first.find(b"Info"))
            counted = tag > 0 and len(first) > tag + 7 and first[tag + 7] & 1
            return Kind("MP3", "mp3", length_known=bool(counted) or b"VBRI" in first)
        start = body.find(b"\xff", start + 1)
    return None


def _mpeg_frame_bytes(body: bytes, at: int) -> int:
    """Length of the MPEG audio or ADTS frame that starts there; 0 where none does."""
    if len(body) < at + 6 or body[at] != 0xFF or body[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = body[at + 1] >> 3 & 3, body[at + 1] >> 1 & 3
    if layer == 0 and version >= 2:  # ADTS (ISO 14496-3, 1.A.2.2)
        length = (body[at + 3] & 3) << 11 | body[at + 4] << 3 | body[at + 5] >> 5
        return length if length > 7 and body[at + 2] >> 2 & 15 < 13 else 0
    bit_rate, rate = body[at + 2] >> 4, body[at + 2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bit_rate in (0, 15) or rate == 3:
        return 0
    table = _MPEG2_LAYER23 if version != 3 else _MPEG1_LAYER3 if layer == 1 else _MPEG1_LAYER2
    sample_rate = (44100, 48000, 32000)[rate] >> (3 - version if version != 0 else 2)
    frame_samples = 576 if layer == 1 and version != 3 else 1152
    return frame_samples // 8 * 1000 * table[bit_rate - 1] // sample_rate + (body[at + 2] >> 1 & 1)
