/** Which values of headers and variables are taken out of what servers say. */
import { assert, describe, it } from "@effect/vitest"
import { secretsIn, secretsInUrl } from "../src/SecretValues.ts"

describe("SecretValues", () => {
  it("finds keys by the name of their header or variable, and by their form", () => {
    assert.deepStrictEqual(secretsIn("Authorization", "Bearer abc12345"), ["Bearer abc12345", "Bearer", "abc12345"])
    assert.deepStrictEqual(secretsIn("STRIPE_API_KEY", " whatever "), ["whatever"])
    assert.deepStrictEqual(secretsIn("DATABASE_URL", "postgres://u:p4ssw0rd@db.example.com/x"), [
      "postgres://u:p4ssw0rd@db.example.com/x"
    ])
    assert.deepStrictEqual(secretsIn("X_VALUE", "sk-live-4f9a8b7c6d5e4f3a2b1c"), ["sk-live-4f9a8b7c6d5e4f3a2b1c"])
  })

  it("leaves words, paths and kinds of content alone", () => {
    for (
      const [name, value] of [
        ["NODE_ENV", "production"],
        ["LOG_LEVEL", "information"],
        ["accept", "application/json"],
        ["accept-language", "en-US,en;q=0.9"],
        ["ROOT", "/srv/restaurant/2026/menus"],
        ["GREETING", "the shop is open from 9 to 5 every day"]
      ] as const
    ) {
      assert.deepStrictEqual(secretsIn(name, value), [], name)
    }
  })

  it("finds the password of a URL, and the keys in its query", () => {
    assert.deepStrictEqual(secretsInUrl("postgres://ada:p%404ssw0rd@db.example/x?sslmode=require"), [
      ":p%404ssw0rd@",
      ":p@4ssw0rd@",
      btoa("ada:p@4ssw0rd"),
      "p%404ssw0rd",
      "p@4ssw0rd"
    ])
    assert.deepStrictEqual(secretsInUrl("https://mcp.example/mcp?apiKey=abc&page=2"), ["abc"])
    assert.deepStrictEqual(secretsInUrl("redis://cache.example:6379"), [])
    assert.deepStrictEqual(secretsInUrl("no URL"), [])
  })

  it("leaves a password that is a word alone where it stands alone", () => {
    assert.deepStrictEqual(secretsInUrl("postgres://postgres:postgres@localhost/postgres"), [
      ":postgres@",
      btoa("postgres:postgres")
    ])
  })
})
