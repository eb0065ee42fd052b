/**
 * One event by itself: a copy that stays when the page lets go of the event it was made of. It knows neither
 * the store nor who keeps it.
 */

import type { Source } from "./store.ts";

export interface Kept {
  seq: number;
  /** ms since 1970 */
  at: number;
  type: string;
  id: string;
  data: string;
  /** bytes of the whole data */
  size: number;
  /** `data` is only its beginning */
  cut: boolean;
}

export function keep(seq: number, { block, row }: Source): Kept {
  return {
    seq,
    at: block.at(row),
    type: block.type(row),
    id: block.id(row),
    data: block.data(row),
    size: block.size(row),
    cut: block.isCut(row),
  };
}

/** What a row of the log can be written from. */
export function sourceOf({ at, type, id, data, size, cut }: Kept): Source {
  const block = {
    at: () => at,
    type: () => type,
    id: () => id,
    data: () => data,
    head: () => data,
    isCut: () => cut,
    size: () => size,
  };
  return { block, row: 0 };
}
