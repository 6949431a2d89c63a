/** Numbers everything that happens: within one virtual instant time alone tells no before and after. */
export interface Order {
  next(): number;
}

export function createOrder(): Order {
  let last = 0;
  return {
    next() {
      last += 1;
      return last;
    },
  };
}
