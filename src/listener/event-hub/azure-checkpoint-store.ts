import type { Checkpoint, CheckpointStore, PartitionOwnership } from '@azure/event-hubs';
import type { Checkpoints } from './checkpoints.js';

/**
 * What the Event Hubs client wants to know of us. Checkpoints are ours and durable. Ownership of partitions is for
 * consumers that share the work; here is one alone, so every claim is granted and none outlives the process: a
 * predecessor that crashed leaves no claim behind that somebody would have to wait for.
 */
export function createAzureCheckpointStore(checkpoints: Checkpoints): CheckpointStore {
  const owned = new Map<string, PartitionOwnership>();
  let claims = 0;
  return {
    async listOwnership() {
      return [...owned.values()].map((ownership) => ({ ...ownership }));
    },
    async claimOwnership(wanted) {
      return wanted.map((ownership) => {
        claims += 1;
        const claimed = { ...ownership, etag: String(claims), lastModifiedTimeInMs: Date.now() };
        owned.set(ownership.partitionId, claimed);
        return { ...claimed };
      });
    },
    async listCheckpoints(fullyQualifiedNamespace, eventHubName, consumerGroup): Promise<Checkpoint[]> {
      return checkpoints.list().map(({ partition, offset, sequenceNumber }) => ({
        fullyQualifiedNamespace,
        eventHubName,
        consumerGroup,
        partitionId: partition,
        offset,
        sequenceNumber,
      }));
    },
    async updateCheckpoint({ partitionId, offset, sequenceNumber }) {
      await checkpoints.put({ partition: partitionId, offset, sequenceNumber });
    },
  };
}
