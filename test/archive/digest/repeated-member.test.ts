import { assert, json as jsonText, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repeatedMember } from '../../../src/archive/digest/repeated-member.ts';

describe('a member that stands twice in one object', () => {
  it.each([
    ['{"a":1,"a":1}', 'a'],
    ['{"a":1, "\\u0061" : 2}', 'a'],
    ['{"a":{"b":1},"c":[{"d":1,"b":2,"d":3}]}', 'd'],
    ['{"a\\"":"{","x":"\\\\","a\\"":1}', 'a"'],
    [`{"a"${' '.repeat(500)}:1,"a"\n:2}`, 'a'],
  ])('is found in %s', (json, name) => {
    expect(repeatedMember(json)).toBe(name);
  });

  it('is found in no text that a program printed', () => {
    assert(
      property(jsonText(), (json) => {
        expect(repeatedMember(JSON.stringify(JSON.parse(json)))).toBeUndefined();
      }),
    );
  });
});
