/**
 * Recognises bytes that travel as text (base64, data: URLs), names what they are by their first
 * bytes, and gives them as bytes on demand. A name in a data: URL is never trusted, only its bytes;
 * pictures are the four kinds that can run nothing, never SVG.
 */
export interface Payload {
  /** what it is, for a person: "PNG image" */
  name: string;
  /** decoded size in bytes */
  size: number;
  /** the type to show it as a picture; null for anything else */
  picture: string | null;
  /** as a data: URL has it */
  base64(): string;
  bytes(): Uint8Array;
}

const MIN_CHARS = 64;
const HEAD_CHARS = 64;
const SAMPLE_CHARS = 4_096;
const PLAIN = /^[A-Za-z0-9+/_-]+={0,2}$/;
const DATA_URL = /^data:[^,]{0,200};base64,/i;

/** First bytes as Latin-1; a dot stands for any byte. */
const KINDS: [RegExp, string, string?][] = [
  [/^\x89PNG\r\n\x1a\n/, "PNG image", "image/png"],
  [/^\xff\xd8\xff/, "JPEG image", "image/jpeg"],
  [/^GIF8[79]a/, "GIF image", "image/gif"],
  [/^RIFF[\s\S]{4}WEBP/, "WebP image", "image/webp"],
  [/^RIFF[\s\S]{4}WAVE/, "WAV sound"],
  [/^%PDF-/, "PDF document"],
  [/^PK\x03\x04/, "ZIP archive"],
  [/^\x1f\x8b\x08/, "gzip data"],
  [/^\x28\xb5\x2f\xfd/, "zstd data"],
  [/^\0asm/, "WebAssembly"],
  [/^ID3|^\xff[\xfb\xf3\xf2]/, "MP3 sound"],
  [/^OggS/, "Ogg sound"],
  [/^fLaC/, "FLAC sound"],
  [/^[\s\S]{4}ftyp/, "MP4 video"],
  [/^\x1a\x45\xdf\xa3/, "Matroska video"],
  [/^PAR1/, "Parquet file"],
  [/^ARROW1/, "Arrow file"],
  [/^SQLite format 3/, "SQLite database"],
  [/^\s*(?:<\?xml[\s\S]*)?<svg/i, "SVG (not drawn)"],
  [/^[\t\n\r\x20-\x7e]*$/, "text"],
];

/** In the alphabet of a data: URL, which that of addresses is not. */
function plain(base64: string): string {
  return base64
    .replace(/-/g, "+")
    .replace(/_/g, "/")
    .replace(/={1,2}$/, "");
}

export function recognise(value: string): Payload | null {
  if (value.length < MIN_CHARS) return null;
  const prefix = DATA_URL.exec(value.slice(0, 256))?.[0] ?? "";
  const body = prefix ? value.slice(prefix.length) : value;
  const padding = body.endsWith("==") ? 2 : body.endsWith("=") ? 1 : 0;
  if ((body.length - padding) % 4 === 1 || !PLAIN.test(body)) return null;
  let head: string;
  try {
    head = atob(plain(body.slice(0, HEAD_CHARS)));
  } catch {
    return null;
  }
  const kind = KINDS.find(([magic]) => magic.test(head));
  // A digest in hex, or a long word, has base64's letters too: without a known beginning it must mix all sorts.
  const sample = body.slice(0, SAMPLE_CHARS);
  const mixed =
    /[a-z]/.test(sample) && /[A-Z]/.test(sample) && /\d/.test(sample) && !/^[0-9a-f]+$/i.test(sample);
  if (!kind && !prefix && !mixed) return null;
  return {
    name: kind?.[1] ?? "bytes",
    size: Math.floor(((body.length - padding) * 3) / 4),
    picture: kind?.[2] ?? null,
    base64: () => plain(body),
    bytes: () => Uint8Array.from(atob(plain(body)), (char) => char.charCodeAt(0)),
  };
}

/** Bytes in lines of sixteen: offset, hex, what is printable. */
export function hexDump(bytes: Uint8Array, from: number, to: number): string {
  const lines: string[] = [];
  for (let at = from; at < Math.min(to, bytes.length); at += 16) {
    const row = [...bytes.subarray(at, Math.min(at + 16, bytes.length))];
    const hex = row.map((byte, i) => byte.toString(16).padStart(2, "0") + (i === 7 ? " " : "")).join(" ");
    const seen = row
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\u00B7"))
      .join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(49)} ${seen}`);
  }
  return lines.join("\n");
}
