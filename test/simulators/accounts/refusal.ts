export type RefusalCode = 'invalid' | 'refused' | 'conflict' | 'too-early' | 'ceiling' | 'busy' | 'failed';

/** Why a request was not done; it is answered in place of a result. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly remedy?: string,
  ) {
    super(message);
  }
}
