/**
 * The settings of Effect's cluster, from the one that a config has.
 *
 * @since 0.1.0
 */
import type * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { ClusterStorage } from "./ClusterStorage.ts"

/** Enough to spread what there is over the nodes of a cluster; each takes a lock. */
const SHARDS = 60

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly address: RunnerAddress.RunnerAddress
  readonly lockExpiration: Duration.Duration
  readonly storage: ClusterStorage
}): ShardingConfig.ShardingConfig["Service"] => {
  const { address, lockExpiration, storage } = options
  const part = (divisor: number, most: Duration.Input) =>
    Duration.min(Duration.divideUnsafe(lockExpiration, divisor), Duration.fromInputUnsafe(most))
  return {
    ...ShardingConfig.defaults,
    runnerAddress: Option.some(address),
    shardsPerGroup: SHARDS,
    shardLockExpiration: lockExpiration,
    shardLockDisableAdvisory: storage.kind === "postgres" && storage.locks === "rows",
    // a lock is renewed several times within its life
    shardLockRefreshInterval: part(5, "3 seconds"),
    // with 5 s: every 0.5 s
    refreshAssignmentsInterval: part(10, "1 second"),
    runnerHealthCheckInterval: part(2.5, "5 seconds"),
    // what a node does for all is short
    entityTerminationTimeout: "2 seconds",
    // a setting for tests
    simulateRemoteSerialization: false
  }
}
