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
  'listener.address.refused': {
    level: 'warn',
    text: 'refused a request from an address that GRAPH_ADDRESSES does not name',
  },
  'listener.endpoint.standing': {
    level: 'error',
    text: 'Graph would change how it treats our endpoint, by its rules on slow answers',
  },
  'listener.stalled': {
    level: 'warn',
    text: 'the process stood still; whoever called meanwhile waited for an answer',
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
  'listener.tree.unread': {
    level: 'warn',
    text: 'what is nested below a configured group could not be read; what was known is kept',
  },
  'listener.tree.changed': { level: 'info', text: 'other groups than before are nested below the configured ones' },
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
  'listener.subscription.gap': {
    level: 'warn',
    text: 'Graph had not told us of a resource for a while, and does so again; a sweep makes up for it',
  },
  'listener.subscription.rest-broken': {
    level: 'warn',
    text: 'renewed a subscription less than ten minutes after it was reauthorized, since it was about to expire',
  },
  'listener.subscription.no-object': {
    level: 'error',
    text: 'a watched group or user is not in Entra ID; nothing is subscribed to for it',
  },
  'listener.subscriptions.paused': {
    level: 'warn',
    text: 'Graph could not be asked, or asked for patience; the subscriptions are left alone for a while',
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
    text: 'another listener with the same app registration made a subscription that comes back; it is left alone',
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
  'listener.event-hub.reading': { level: 'info', text: 'reading the event hub' },
  'listener.event-hub.unwell': { level: 'warn', text: 'the event hub cannot be read just now; it is tried again' },
  'listener.event-hub.well': { level: 'info', text: 'the event hub is read again' },
  'listener.event-hub.poison': { level: 'warn', text: 'left an event behind that Graph cannot have sent' },
  'listener.event-hub.waiting': {
    level: 'error',
    text: 'hints of an event could not be stored; the partition waits with it and nothing is lost',
  },
  'listener.event-hub.gap': {
    level: 'warn',
    text: 'events were lost in the hub before they were read; everything is looked at',
  },
  'listener.event-hub.checkpoint-unstored': {
    level: 'warn',
    text: 'a checkpoint could not be stored; after a restart the same events are read once more',
  },
  'listener.event-hub.checkpoint-refused': {
    level: 'warn',
    text: 'the hub does not know the place to go on from; it is read from its oldest event',
  },
  'listener.event-hub.checkpoints-damaged': {
    level: 'error',
    text: 'the record of checkpoints cannot be read and was moved aside; the hub is read from its oldest event',
  },
  'listener.event-hub.other-hub': {
    level: 'info',
    text: 'the checkpoints are those of another hub; this one is read from its oldest event',
  },
  'listener.event-hub.silent': {
    level: 'error',
    text: 'the client of the event hub gave no sign of life; it is started afresh',
  },
  'listener.event-hub.unclosed': { level: 'debug', text: 'a connection to the event hub did not close in order' },
  'listener.store.discarded': {
    level: 'error',
    text: 'the record of subscriptions could not be understood and was moved aside; they are made anew',
  },
  'listener.store.unread': { level: 'error', text: 'the record of subscriptions could not be read again' },
  'listener.store.unwritten': { level: 'error', text: 'the record of subscriptions could not be written' },
} as const;
