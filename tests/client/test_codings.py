"""Content codings, in every way to cut them; bombs one in another; what is no coding at all."""

from __future__ import annotations

import gzip
import itertools
import sys
import zlib

import brotli
import pytest
import zstandard

from sse_widget.client.codings import STEP_BYTES, BrokenCoding, UnreadableCoding, decoder_of

PLAIN = b"".join(b"id: %d\ndata: %d\n\n" % (n, n * n) for n in range(500))
ALL = {"br", "zstd"}


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def flushed(data):
    """As a server packs a stream: what stands in it can be read before it ends."""
    packer = zlib.compressobj(wbits=31)
    out = b""
    for at in range(0, len(data), 100):
        out += packer.compress(data[at : at + 100]) + packer.flush(zlib.Z_SYNC_FLUSH)
    return out


def member(data, flags=0, fields=b"", trailer=bytes(8)):
    """A gzip member of one's own making (RFC 1952, 2.3); its checks are wrong unless given."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    return head + fields + raw_deflate(data) + trailer


BODIES = {
    "gzip": ("gzip", gzip.compress(PLAIN)),
    "x-gzip": ("X-GZip", gzip.compress(PLAIN)),
    "gzip, flushed and cut": ("gzip", flushed(PLAIN)),
    "gzip members": ("gzip", gzip.compress(PLAIN[:99]) + gzip.compress(PLAIN[99:])),
    "gzip, then zeros": ("gzip", gzip.compress(PLAIN) + bytes(8)),
    "gzip, then bytes": ("gzip", gzip.compress(PLAIN) + b"\x1fmore"),
    "gzip with wrong checks": ("gzip", member(PLAIN)),
    "gzip without checks": ("gzip", member(PLAIN, trailer=b"")),
    "gzip with half a check": ("gzip", member(PLAIN, trailer=b"\0\0\0")),
    "members with wrong checks": ("gzip", member(PLAIN[:99]) + member(PLAIN[99:])),
    "gzip with all that a header has": (
        "gzip",
        member(PLAIN, 1 | 2 | 4 | 8 | 16, b"\3\0\0a\0" + b"name\0" + b"comment\0" + b"\0\0"),
    ),
    "no gzip at all": ("gzip", PLAIN),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "raw deflate": ("deflate", raw_deflate(PLAIN)),
    "deflate, then bytes": ("deflate", zlib.compress(PLAIN) + b"more"),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(PLAIN))),
    "said twice": ("gzip, gzip", gzip.compress(PLAIN)),
    "deflate under gzip": ("deflate,gzip", gzip.compress(zlib.compress(PLAIN))),
    "gzip and identity": ("gzip, identity", gzip.compress(PLAIN)),
    "gzip and no name": (", gzip,", gzip.compress(PLAIN)),
    "br": ("br", brotli.compress(PLAIN)),
    "zstd": ("zstd", zstandard.compress(PLAIN)),
    "zstd frames": ("zstd", zstandard.compress(PLAIN[:99]) + zstandard.compress(PLAIN[99:])),
    "br under gzip": ("br, gzip", gzip.compress(brotli.compress(PLAIN))),
}


@pytest.mark.parametrize("size", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("name", BODIES)
def test_it_is_the_same_however_it_is_cut(name, size):
    header, body = BODIES[name]
    decoder = decoder_of(header, ALL)
    pieces = [body[at : at + size] for at in range(0, len(body), size)] if size else [b"", body]
    got = b"".join(out for piece in [*pieces, b""] for out in decoder.feed(piece))
    assert got == PLAIN


@pytest.mark.parametrize(
    "header", ["", "identity", "none", "utf-8", "UTF-8, binary", "x", ",", "*"]
)
def test_what_is_no_compression_is_no_coding(header):
    assert decoder_of(header) is None


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_what_was_not_asked_for_is_refused_by_name(name):
    with pytest.raises(UnreadableCoding) as caught:
        decoder_of(f"gzip, {name}", {"gzip"})
    assert (caught.value.coding, caught.value.asked) == (name, False)


@pytest.mark.parametrize(("name", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_what_no_package_reads_is_refused_with_the_package(monkeypatch, name, package):
    for module in ("brotli", "brotlicffi", "compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)  # an ImportError for whoever imports it
    with pytest.raises(UnreadableCoding) as caught:
        decoder_of(name, {"*"})
    assert (caught.value.package, caught.value.asked) == (package, True)


BOMB = 16 * 2**20
BOMBS = {
    "gzip": lambda: gzip.compress(bytes(BOMB)),
    "gzip, gzip": lambda: gzip.compress(gzip.compress(bytes(BOMB))),
    "deflate": lambda: zlib.compress(bytes(BOMB)),
    "br": lambda: brotli.compress(bytes(BOMB), quality=1),
    "zstd": lambda: zstandard.compress(bytes(BOMB)),
}


@pytest.mark.parametrize("header", BOMBS)
def test_a_bomb_comes_in_steps(header):
    largest = total = 0
    for piece in decoder_of(header, ALL).feed(BOMBS[header]()):
        largest, total = max(largest, len(piece)), total + len(piece)
    assert total == BOMB
    # brotli's limit is a rough one; zstandard gives the blocks of its slice at once, of 128 KiB each.
    assert largest <= {"br": 2, "zstd": 16}.get(header, 1) * STEP_BYTES


BROKEN = {
    "gzip": b"\x1f\x8b\x08\x00junk and more of it",
    "deflate": b"\x78\x9c\xff\xff\xff",
    "br": b"\xff\xffjunk",
    "zstd": b"junk and more",
}


@pytest.mark.parametrize("header", BROKEN)
def test_what_cannot_be_read_says_so(header):
    with pytest.raises(BrokenCoding, match=header):
        list(decoder_of(header, ALL).feed(BROKEN[header]))


def test_a_header_without_an_end_is_refused():
    decoder = decoder_of("gzip")
    head = member(b"", 8, trailer=b"")[:10]
    pieces = [head] + [b"x" * 1000] * 100
    with pytest.raises(BrokenCoding, match="64 KiB"):
        list(itertools.chain.from_iterable(map(decoder.feed, pieces)))


@pytest.mark.parametrize("head", [b"\x1f\x8b\x07\0", b"\x1f\x8b\x08\xe0", b"\x1fx"])
def test_a_header_that_is_none_is_refused(head):
    with pytest.raises(BrokenCoding, match="gzip"):
        list(decoder_of("gzip").feed(head + bytes(20)))


def cuttable():
    """Name -> coding and body."""
    return {
        "gzip": ("gzip", gzip.compress(PLAIN)),
        "gzip, flushed": ("gzip", flushed(PLAIN)),
        "deflate": ("deflate", zlib.compress(PLAIN)),
        "raw deflate": ("deflate", raw_deflate(PLAIN)),
        "gzip in gzip": ("gzip, gzip", gzip.compress(gzip.compress(PLAIN[:200]))),
        "two members": ("gzip", gzip.compress(PLAIN[:300]) + gzip.compress(PLAIN[300:600])),
    }


@pytest.mark.parametrize("name", cuttable())
def test_a_body_that_is_cut_is_known_to_be_cut(name):
    """At whatever byte: either all of it was read, or it says that some is missing. Only what a server
    flushed and ended there, and the first of two members, look like a whole."""
    header, body = cuttable()[name]
    whole = b"".join(decoder_of(header).feed(body))
    told = 0
    for at in range(1, len(body) + 1):
        decoder = decoder_of(header)
        got = b"".join(decoder.feed(body[:at]))
        told += decoder.is_cut
        assert got == whole[: len(got)]
        if not decoder.is_cut:
            ended = name == "gzip, flushed" or (name == "two members" and len(got) == 300)
            assert got == whole or ended, at
        elif got == whole:
            # The last byte may be read before the bits that say it is the last.
            assert at + 8 * 3 >= len(body)
    assert told > len(body) / 2
    assert not decoder_of(header).is_cut  # of no bytes at all
