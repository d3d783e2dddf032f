import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers as they are written in haste", () => {
  golden("en", "durations, multiples, codes, abbreviated units", [
    [
      "1h 30m, 5m 30s, 1h5m3s, 5m",
      "one hour thirty minutes, five minutes thirty seconds, one hour five minutes three seconds, five meters"
    ],
    ["a 2h30 trip", "a two hours thirty minutes trip"],
    ["2x + 1 = 5, and 5x faster", "two x + one equals five, and five times faster"],
    ["2x plus 1 equals 5", "two x plus one equals five"],
    ["0x1F", "zero x one F"],
    ["1,5 % or 1,234 or 1,2", "one point five percent or one thousand two hundred thirty-four or one, two"],
    [
      "in 5 min. to go, 5 min., 10 ft. tall. 5 min. Then",
      "in five minutes to go, five minutes, ten feet tall. five minutes. Then"
    ],
    [
      "6ft 2in, 9-1-1, 1.800.555.1234",
      "six feet two inches, nine one one, one, eight zero zero, five five five, one two three four"
    ],
    ["10\u00a0000 people", "ten thousand people"],
    ["$20/mo, $5/yr", "twenty dollars per month, five dollars per year"],
    ["open on 24/7, on 9/11", "open on twenty-four seven, on nine eleven"],
    ["your code is 7Q4X9, in a 4x4", "your code is seven Q four X nine, in a four by four"],
    ["the last four digits are 4242", "the last four digits are four two four two"],
    [
      "the card ending in 4242, the lease ending in 2026",
      "the card ending in four two four two, the lease ending in twenty twenty-six"
    ]
  ])
  golden("de", "weekdays and francs", [
    ["Mo.–Fr. 9–17 Uhr", "Mo.–Fr. neun bis siebzehn Uhr"],
    ["am Fr. 9.50 Uhr", "am Fr. neun Uhr fünfzig"],
    ["Das kostet Fr. 9.50.", "Das kostet neun Franken und fünfzig Rappen."],
    ["5x so gut", "fünf mal so gut"]
  ])
  golden("es", "millions of a sign, multiples", [
    ["5 millones de €, 5x más", "cinco millones de euros, cinco veces más"]
  ])
  golden("it", "millions of a sign, multiples", [
    ["5 milioni di €, 5x più", "cinque milioni di euro, cinque volte più"]
  ])
})
