import { assert, describe, it } from "@effect/vitest"
import * as SharedMetrics from "../../src/server/SharedMetrics.ts"

describe("SharedMetrics", () => {
  it("tells of metrics once, and whose each sample is", () => {
    const text = (n: number) =>
      `# HELP a What a is\n# TYPE a counter\na{x="1"} ${n}\na{x="}2\\" {"} ${n}\n# TYPE b gauge\nb ${n}\nbare ${n}\n`
    assert.strictEqual(
      SharedMetrics.merge([["0", text(1)], ["1", text(2)]]),
      [
        "# HELP a What a is",
        "# TYPE a counter",
        "a{x=\"1\",worker=\"0\"} 1",
        "a{x=\"}2\\\" {\",worker=\"0\"} 1",
        "a{x=\"1\",worker=\"1\"} 2",
        "a{x=\"}2\\\" {\",worker=\"1\"} 2",
        "# TYPE b gauge",
        "b{worker=\"0\"} 1",
        "bare{worker=\"0\"} 1",
        "b{worker=\"1\"} 2",
        "bare{worker=\"1\"} 2",
        ""
      ].join("\n")
    )
  })
})
