import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Poll } from "./poll.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a kernel that speaks by itself is never asked", () => {
  const poll = new Poll(2_600);
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(2_000);
    expect(poll.due()).toBe(false);
    poll.heard(false);
  }
});

test("where only questions are answered, it is asked again at once", () => {
  const poll = new Poll(2_600);
  vi.advanceTimersByTime(2_700);
  for (let i = 0; i < 10; i++) {
    expect(poll.due()).toBe(true);
    expect(poll.due()).toBe(false);
    poll.heard(true);
    vi.advanceTimersByTime(500);
  }
  poll.heard(false);
  expect(poll.due()).toBe(false);
});

test("a kernel that does not answer finds few questions when it comes back", () => {
  const poll = new Poll(2_600);
  let asked = 0;
  for (let i = 0; i < 3_600; i++) {
    vi.advanceTimersByTime(1_000);
    if (poll.due()) asked++;
  }
  expect(asked).toBeGreaterThan(10);
  expect(asked).toBeLessThan(70);
});
