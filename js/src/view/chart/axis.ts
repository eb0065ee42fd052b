/**
 * The seconds that all charts of a view show: which they are, which one is pointed at, and what is
 * being brushed. A brush sets since and until of the filter. It draws nothing.
 */
import type { Session } from "../../kernel/session.ts";

const SPAN_S = 300;
const MIN_SPAN_S = 60;

export class Axis {
  /** the seconds shown: [first, end) */
  first = 0;
  end = 0;
  pointed: number | null = null;
  /** where a press began */
  held: { from: number; x: number } | null = null;
  #session: Session;
  #brushed: () => void;

  constructor(session: Session, brushed: () => void) {
    this.#session = session;
    this.#brushed = brushed;
  }

  /** Up to now. Under a brush the time stands still, or it would slip away from the pointer. */
  follow(): void {
    if (this.held) return;
    const { rates, store } = this.#session;
    this.end = Math.floor(this.#session.now() / 1000) + 1;
    let oldest = this.end;
    for (const second of rates.seconds.keys()) oldest = Math.min(oldest, second);
    const place = store.rows > 0 ? store.find(store.first) : null;
    if (place) oldest = Math.min(oldest, Math.floor(place.block.at(place.row) / 1000));
    this.first = this.end - Math.max(MIN_SPAN_S, Math.min(SPAN_S, this.end - (oldest || this.end)));
  }

  /** Before this second the view was cleared. */
  get since(): number {
    return Math.max(this.first, Math.ceil((this.#session.cleared?.at ?? 0) / 1000));
  }

  get span(): number {
    return this.end - this.first;
  }

  /** Per cent from the left edge. */
  place(second: number): number {
    return Math.max(0, Math.min(100, ((second - this.first) / this.span) * 100));
  }

  /** What the filter has, in seconds; null for no bound. */
  get brush(): [from: number | null, to: number | null] {
    const { since, until } = this.#session.filter;
    return [since === null ? null : since / 1000, until === null ? null : until / 1000];
  }

  set(from: number | null, to: number | null): void {
    const [since, until] = this.brush;
    if (since === from && until === to) return;
    this.#brushed();
    this.#session.setFilter({
      since: from === null ? null : from * 1000,
      until: to === null ? null : to * 1000,
    });
  }
}
