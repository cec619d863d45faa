// A page that follows a stream with the EventSource of the standard, which
// comes again by itself, with the last id that it has seen:
//
//     node --experimental-eventsource eventsource.js URL
//
// It writes "open" for each connection, "error" for each one that is over, and
// "log ID" for each log of an event.

'use strict';

const source = new EventSource(process.argv[2]);

// its pause before it comes again does not keep Node.js alive

setInterval(() => {}, 1000);

source.onopen = () => console.log('open');
source.onerror = () => console.log(`error ${source.readyState}`);

source.addEventListener('log', message => {
    const id = JSON.parse(message.data).context.event_id;

    if (id) {
        console.log(`log ${id}`);
    }
});
