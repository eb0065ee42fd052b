"""Events as one JSON object a line, written and read: `.ndjson`. It opens no file."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import IO

import pyarrow as pa

from ..basics import whole
from .rows import ROWS, EventColumns, Reached, iso_times, slices, time_of


def write_ndjson(table: pa.Table, file: IO[bytes], reached: Reached) -> None:
    quoted = encode_basestring
    for some in slices(table, ROWS, reached):
        lines = [
            f'{{"seq":{seq},"received_at":"{at}","type":{quoted(kind)},'
            f'"last_event_id":{quoted(id_)},"data":{quoted(data)}}}\n'
            for seq, at, kind, id_, data in zip(
                some["seq"].to_pylist(),
                iso_times(some),
                some["type"].to_pylist(),
                some["last_event_id"].to_pylist(),
                some["data"].to_pylist(),
                strict=True,
            )
        ]
        file.write("".join(lines).encode())


def read_ndjson(content: bytes, name: str) -> pa.Table:
    columns = EventColumns()
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: no JSON: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("data"), str):
            raise ValueError(f'{where}: an event is an object with text in "data"')
        kind, id_, at = row.get("type"), row.get("last_event_id"), row.get("received_at")
        for key, value in (("type", kind), ("last_event_id", id_), ("received_at", at)):
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{where}: {key} must be text, not {value!r}")
        columns.at.append(None if at is None else time_of(at, where))
        # What JSON can spell and a stream cannot becomes what a parser makes of it.
        columns.types.append(whole(kind or "message"))
        columns.ids.append(whole(id_ or ""))
        columns.data.append(whole(row["data"]))
        columns.seal()
    return columns.table()
