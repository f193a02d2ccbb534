import { expect, test } from 'vitest';
import { createRecent } from '../../src/server/recent.ts';
import { rejectionOf } from '../helpers/rejection.ts';

interface Question {
  readonly resolve: (value: number) => void;
  readonly reject: (error: Error) => void;
}

function fixture(timeoutMs = 60_000): {
  readonly get: () => Promise<number>;
  readonly questions: Question[];
  readonly advance: (ms: number) => void;
} {
  const questions: Question[] = [];
  let now = 0;
  const ask = (): Promise<number> =>
    new Promise((resolve, reject) => {
      questions.push({ resolve, reject });
    });
  return {
    questions,
    get: createRecent(ask, { maxAgeMs: 5000, timeoutMs, clock: () => now }),
    advance: (ms) => {
      now += ms;
    },
  };
}

test('all who ask at once share one question', async () => {
  const { get, questions } = fixture();
  const answers = [get(), get(), get()];
  questions[0]?.resolve(7);
  expect(await Promise.all(answers)).toEqual([7, 7, 7]);
  expect(questions).toHaveLength(1);
});

test('an answer serves until it is too old', async () => {
  const { get, questions, advance } = fixture();
  const first = get();
  questions[0]?.resolve(1);
  await first;
  advance(4999);
  expect(await get()).toBe(1);
  advance(1);
  const second = get();
  questions[1]?.resolve(2);
  expect(await second).toBe(2);
  expect(questions).toHaveLength(2);
});

test('a failure is told to all who wait and not kept', async () => {
  const { get, questions } = fixture();
  const failing = [rejectionOf(get()), rejectionOf(get())];
  questions[0]?.reject(new Error('no'));
  expect((await Promise.all(failing)).map(({ message }) => message)).toEqual(['no', 'no']);
  const again = get();
  questions[1]?.resolve(3);
  expect(await again).toBe(3);
});

test('nobody waits for ever, and a slow question is not asked a second time', async () => {
  const { get, questions } = fixture(10);
  const errors = [await rejectionOf(get()), await rejectionOf(get())];
  expect(errors).toMatchObject([{ code: 'store_slow' }, { code: 'store_slow' }]);
  expect(questions).toHaveLength(1);
  questions[0]?.resolve(9);
  expect(await get()).toBe(9);
});

test('a question that fails after everybody has left harms nobody', async () => {
  const { get, questions } = fixture(10);
  await rejectionOf(get());
  questions[0]?.reject(new Error('late'));
  const again = get();
  expect(await rejectionOf(again)).toMatchObject({ message: 'late' });
});
