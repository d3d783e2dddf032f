/**
 * Rows of a session store about what it holds: texts, ids, many items, many sessions, secrets, and what a refusal leaves.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { MAX_HEAD_BYTES } from "../../../session/persistence/SessionStore.ts"
import { assertEqual, assertFailsWith, assertThat } from "../Assertions.ts"
import { claimed, empty, row, type StoreRow, tagOf, two, write } from "./StoreUnderTest.ts"

/** JSON that is another text when it was parsed and written again, or put into another form of Unicode. */
const texts: ReadonlyArray<string> = [
  "{\"z\":1,\"10\":2,\"9\":3, \"a\" : [ ]}",
  "[1.0, 1e3, -0, 0.1000, 12345678901234567890, 1e400]",
  "{\"twice\":1,\"twice\":2,\"__proto__\":{\"a\":1},\"none\":null}",
  "\" NFD: e\u0301, NFC: \u00e9, width: \u200b\u00a0, half: \\ud800, \ud834\udd1e \\u0000 \"",
  "\"2026-01-01T00:00:00.000Z\"",
  " \n{\t}\n ",
  "null"
]

/** Pairs of ids that are easily taken for each other, or for something else than an id. */
const lookalikes = (id: string): ReadonlyArray<string> => [
  id,
  id.toUpperCase(),
  `${id} `,
  `${id}%`,
  id.replaceAll("_", "-"),
  `${id}:1`,
  `{${id}}`,
  `${id}/../x`,
  `${id}é`,
  `${id}e\u0301`,
  `${id}𝄞`,
  `${id}'"\\;--`,
  "__proto__",
  "constructor",
  `${id}${"x".repeat(900)}`,
  `${id}${"x".repeat(899)}y`
]

const many = (count: number, of: (n: number) => string): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, n) => of(n))

/**
 * The rows about what a store holds.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<StoreRow> = [
  row(
    "store.Texts",
    "returns head and items as they were given, to the character: they are texts, not values",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        for (const head of texts) {
          const id = part.newId()
          const lease = yield* a.create(id, { head, items: texts }, 60_000)
          const read = yield* a.read(id)
          yield* assertEqual(read?.head, head, "the head that is read")
          for (const [n, text] of texts.entries()) yield* assertEqual(read?.items[n], text, `item ${n} that is read`)
          yield* a.write(lease, { head, from: texts.length, items: [head] })
          yield* a.releaseLease(lease)
          const { snapshot } = yield* claimed(b, id)
          yield* assertEqual(snapshot.head, head, "the head that who claims the session gets")
          yield* assertEqual(snapshot.items.at(-1), head, "the last item that who claims the session gets")
        }
      })
  ),
  row(
    "store.Ids",
    "keeps sessions apart whose ids differ in a character, and takes any text for an id",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const ids = lookalikes(part.newId())
        for (const id of ids) {
          yield* assertEqual(
            yield* b.locate(id),
            undefined,
            `locating ${JSON.stringify(id.slice(0, 60))} of no session`
          )
          yield* assertEqual(
            yield* tagOf(b, id),
            "Unknown",
            `claiming ${JSON.stringify(id.slice(0, 60))} of no session`
          )
          const lease = yield* a.create(id, { head: JSON.stringify(id), items: [] }, 60_000)
          yield* assertEqual(lease, { id, fence: 1 }, "the lease of a new session")
        }
        for (const id of ids) {
          yield* assertEqual(
            yield* write(a, { id, fence: 1 }, 0, JSON.stringify(id)),
            "written",
            `writing ${id.slice(0, 60)}`
          )
        }
        const owned = yield* a.listOwned
        yield* assertEqual(owned.map(({ id }) => id).toSorted(), ids.toSorted(), "the ids of the sessions of an owner")
        for (const [n, id] of ids.entries()) {
          yield* assertEqual((yield* b.read(id))?.items, [JSON.stringify(id)], `the items of ${id.slice(0, 60)}`)
          yield* a.remove({ id, fence: 1 })
          yield* assertEqual(yield* b.read(id), undefined, `reading ${id.slice(0, 60)}, which was removed`)
          yield* assertEqual((yield* a.listOwned).length, ids.length - n - 1, "the sessions that are left")
        }
      })
  ),
  row(
    "store.Long",
    "keeps each of 1,500 items in its place, also those that are equal",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        const items = many(1_500, (n) => `{"n":${n % 700}}`)
        const lease = yield* a.create(id, { head: "{}", items: items.slice(0, 12) }, 60_000)
        yield* a.write(lease, { head: "{}", from: 12, items: items.slice(12, 1_400) })
        for (let n = 1_400; n < 1_500; n += 10) {
          yield* a.write(lease, { head: "{}", from: n, items: items.slice(n, n + 10) })
        }
        const found = (yield* b.read(id))?.items ?? []
        yield* assertEqual(found.length, items.length, "how many items are read")
        const wrong = items.findIndex((item, n) => item !== found[n])
        yield* assertThat(wrong < 0, `item ${wrong} that is read is ${items[wrong]}, and not ${found[wrong]}`)
        yield* assertEqual((yield* a.listOwned)[0]?.items, items.length, "the items that are counted")
        yield* a.releaseLease(lease)
        const claim = yield* claimed(b, id)
        yield* assertEqual(claim.snapshot.items.join(), items.join(), "the items that who claims the session gets")
        yield* b.write(claim.lease, { head: "{}", from: 2, items: [] })
        yield* assertEqual((yield* a.read(id))?.items, items.slice(0, 2), "the items after all but two were dropped")
      })
  ),
  row(
    "store.Copies",
    "gives what was stored at that time: later writes do not change it",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
        const before = yield* a.read(id)
        yield* a.write(lease, { head: "{\"n\":1}", from: 1, items: ["2"] })
        yield* assertEqual(before, { head: "{}", items: ["1"] }, "what was read before a write, after it")
        yield* a.releaseLease(lease)
        const claim = yield* claimed(b, id)
        yield* b.write(claim.lease, { head: "{}", from: 0, items: [] })
        yield* assertEqual(
          claim.snapshot,
          { head: "{\"n\":1}", items: ["1", "2"] },
          "what the one who claimed it was given, after a write"
        )
      })
  ),
  row("store.Atomic", "leaves a session as it was where it refuses a write", (part) =>
    Effect.gen(function*() {
      const [a, b] = yield* two(part)
      const id = part.newId()
      const kept = { head: "{\"kept\":true}", items: ["1", "2"] }
      const lease = yield* a.create(id, kept, 60_000)
      const other = { head: "{\"kept\":false}", items: ["x"] }
      yield* assertFailsWith("invalid_config", a.write(lease, { ...other, from: 3 }))
      yield* assertEqual(yield* b.read(id), kept, "what is stored after a write that left a gap")
      yield* assertFailsWith(
        "invalid_config",
        a.write(lease, { ...other, from: 1, items: ["x", "y".repeat(MAX_HEAD_BYTES)] })
      )
      yield* assertEqual(yield* b.read(id), kept, "what is stored after a write of an item that is too large")
      yield* assertFailsWith("session_not_found", b.write({ ...lease, fence: 2 }, { ...other, from: 0 }))
      yield* assertEqual(yield* b.read(id), kept, "what is stored after a write with a lease of no owner")
      yield* assertFailsWith("invalid_config", b.create(id, other, 60_000))
      yield* assertEqual(yield* a.read(id), kept, "what is stored after another owner tried to create it")
      // where time is real, the lease may have run out meanwhile: that is another row's
      yield* assertEqual((yield* b.locate(id))?.owner, a.owner, "who has it then")
    })),
  row(
    "store.Create",
    "creates a session once, however many try at once, and as new after it has ended",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        for (let round = 0; round < 20; round++) {
          const id = part.newId()
          const attempts = yield* Effect.forEach(
            [a, b, a, b],
            (store, n) =>
              Effect.match(store.create(id, { head: String(n), items: [String(n)] }, 60_000), {
                onFailure: ({ code }) => code,
                onSuccess: () => n
              }),
            { concurrency: "unbounded" }
          )
          const created = attempts.filter((each) => typeof each === "number")
          yield* assertEqual(
            created.length,
            1,
            `sessions of one id that four attempts at once have created (${attempts})`
          )
          const winner = created[0] ?? 0
          yield* assertEqual(
            yield* a.read(id),
            { head: String(winner), items: [String(winner)] },
            "what was stored of the attempt that succeeded"
          )
          yield* (winner % 2 === 0 ? a : b).remove({ id, fence: 1 })
          const again = yield* b.create(id, empty, 60_000)
          yield* assertEqual(yield* a.read(id), empty, "a session of the id of one that has ended")
          yield* b.remove(again)
        }
      })
  ),
  row(
    "store.Many",
    "lists each of 300 sessions of an owner once, also after its lease, and sweeps all of them",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const ids = many(300, part.newId)
        yield* Effect.forEach(ids, (id, n) => a.create(id, { head: "{}", items: many(n % 3, String) }, 500), {
          concurrency: 10,
          discard: true
        })
        yield* a.probe
        for (const when of ["", ", after its lease has run out"]) {
          const owned = yield* a.listOwned
          yield* assertEqual(owned.length, ids.length, `how many sessions an owner has${when}`)
          yield* assertEqual(
            owned.map(({ id, items }) => `${id} ${items}`).toSorted(),
            ids.map((id, n) => `${id} ${n % 3}`).toSorted(),
            `the sessions of an owner, and how many items they have${when}`
          )
          yield* part.pass(part.leaseMs + 100)
        }
        yield* a.renew
        yield* a.releaseAll
        yield* assertEqual(yield* a.listOwned, [], "the sessions of an owner that has released all")
        yield* part.pass(600)
        yield* assertEqual(yield* b.sweep, ids.length, "how many sessions a sweep erases")
        for (const id of [ids[0], ids.at(-1)]) {
          yield* assertEqual(yield* b.read(id ?? ""), undefined, "reading a session that was swept")
        }
      })
  ),
  row(
    "store.Window",
    "keeps the resume window of a session that was written and taken over",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        yield* a.releaseLease(yield* a.create(id, empty, 3_000))
        const { lease } = yield* claimed(b, id)
        yield* b.write(lease, { head: "{}", from: 0, items: ["1"] })
        yield* b.releaseLease(lease)
        yield* part.pass(1_000)
        yield* a.sweep
        yield* assertThat((yield* a.read(id)) !== undefined, "it is there within its resume window")
        yield* part.pass(2_200)
        yield* a.sweep
        yield* assertEqual(yield* a.read(id), undefined, "reading it after its resume window")
      })
  ),
  row(
    "store.Secret",
    "keeps a secret for good, and gives all owners the same secrets in the same order",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const [name, other] = [part.newId(), part.newId()]
        const secret = "z+/=\u00e9 0"
        yield* assertEqual(yield* a.secret(name, secret), secret, "the first secret that was offered")
        yield* assertEqual(
          yield* b.shareSecrets(name, ["b", secret, "a"]),
          [secret, "b", "a"],
          "the secrets that are shared"
        )
        yield* assertEqual(yield* a.shareSecrets(name, []), [secret, "b", "a"], "the secrets that another owner gets")
        yield* assertEqual(yield* a.shareSecrets(other, ["c"]), ["c"], "the secrets of another name")
        yield* a.releaseAll
        yield* part.pass(part.leaseMs * 2)
        yield* b.renew
        yield* b.sweep
        yield* assertEqual(yield* b.secret(name, "new"), secret, "the secret after its owner has gone, and a sweep")
      })
  ),
  row(
    "store.Former",
    "takes nothing from a former owner: its operations change nothing of what another has",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        const former = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
        yield* a.releaseLease(former)
        yield* a.renew
        yield* assertEqual(
          yield* a.listOwned,
          [],
          "the sessions of an owner that has released its only one, and renewed"
        )
        const { lease } = yield* claimed(b, id)
        const operations = {
          undoClaim: a.undoClaim(former),
          releaseLease: a.releaseLease(former),
          remove: a.remove(former),
          releaseAll: a.releaseAll,
          renew: a.renew,
          sweep: a.sweep
        }
        for (const [operation, run] of Object.entries(operations)) {
          yield* run
          yield* assertEqual(
            (yield* b.locate(id))?.owner,
            b.owner,
            `who has a session after ${operation} of its former owner`
          )
          yield* assertEqual(
            yield* write(b, lease, 1, operation),
            "written",
            `a write after ${operation} of the former owner`
          )
        }
      })
  )
]
