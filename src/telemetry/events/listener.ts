/** Events of the listener. Codes are an interface: alerts match on them. */
export const listenerEvents = {
  'listener.listening': { level: 'info', text: 'listening for Graph' },
  'listener.closed': { level: 'info', text: 'no longer listening' },
  'listener.handshake.answered': { level: 'info', text: 'answered a validation handshake' },
  'listener.request.refused': { level: 'warn', text: 'refused a request' },
  'listener.item.dropped': { level: 'warn', text: 'dropped an item of a notification' },
  'listener.hint.unstored': {
    level: 'error',
    text: 'a notification could not be stored; Graph was asked to send it again',
  },
  'listener.answer.slow': {
    level: 'warn',
    text: 'an answer took longer than two seconds; Graph slows down or drops above three',
  },
  'listener.lifecycle.received': { level: 'info', text: 'received a lifecycle event' },
  'listener.lifecycle.failed': {
    level: 'error',
    text: 'a lifecycle event could not be handled; the next look at the subscriptions makes up for it',
  },
  'listener.tick.failed': {
    level: 'error',
    text: 'the subscriptions could not be looked after; tried again at the next tick',
  },
  'listener.endpoint.unready': {
    level: 'error',
    text: 'our own endpoint does not answer a handshake; no subscription is created',
  },
  'listener.endpoint.public-unreachable': {
    level: 'warn',
    text: 'the public address does not answer a handshake from here; Graph may be more lucky',
  },
  'listener.subscriptions.collection': {
    level: 'warn',
    text: 'too many objects for a subscription each; whole collections are watched instead',
  },
  'listener.subscription.created': { level: 'info', text: 'created a subscription' },
  'listener.subscription.renewed': { level: 'info', text: 'renewed a subscription' },
  'listener.subscription.reauthorized': { level: 'info', text: 'reauthorized a subscription' },
  'listener.subscription.rested': {
    level: 'info',
    text: 'left a subscription alone, since it was touched less than ten minutes ago',
  },
  'listener.subscription.gone': {
    level: 'warn',
    text: 'a subscription is gone; it is created anew and everything is looked at',
  },
  'listener.subscription.altered': {
    level: 'warn',
    text: 'a subscription does not look as we made it; it is created anew',
  },
  'listener.subscription.replaced': {
    level: 'warn',
    text: 'a subscription of this app was in the way and was deleted',
  },
  'listener.subscription.contested': {
    level: 'error',
    text: 'another installation with the same app registration takes our subscription again and again',
  },
  'listener.subscription.expiry-unchanged': {
    level: 'warn',
    text: 'Graph accepted a renewal and did not move the expiry',
  },
  'listener.subscription.forbidden': { level: 'error', text: 'Graph refuses a subscription' },
  'listener.subscription.endpoint-failed': {
    level: 'error',
    text: 'Graph could not complete the handshake with our endpoint',
  },
  'listener.subscription.failed': {
    level: 'warn',
    text: 'a subscription could not be looked after; it is tried again',
  },
  'listener.subscription.deleted': { level: 'info', text: 'deleted a subscription' },
  'listener.subscriptions.orphans-unknown': {
    level: 'warn',
    text: 'leftover subscriptions could not be listed; it is tried again',
  },
  'listener.sweep.unstored': { level: 'error', text: 'a sweep could not be put into the queue; it is tried again' },
  'listener.store.discarded': { level: 'warn', text: 'the record of subscriptions was moved aside' },
} as const;
