// Posts CloudEvents with the npm package "cloudevents" and reads them back
// with it:
//
//     NODE_PATH=build/node_modules node cloudevents.js URL KEY
//
// prints "ok NAME" or "not ok NAME" for each check, and why in lines with "#".

'use strict';

const assert = require('assert');
const { CloudEvent, HTTP, Mode, emitterFor, httpTransport } =
    require('cloudevents');

const [url, key] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };

const emit = {};

for (const surface of ['/events', '/v1/events']) {
    for (const mode of [Mode.STRUCTURED, Mode.BINARY]) {
        emit[`${mode} ${surface}`] =
            emitterFor(httpTransport(url + surface), { mode });
    }
}

let last = 0;


function event(more) {
    return new CloudEvent({
        id: `id-${++last}`,
        source: 'https://example.com/shop?a=b',
        type: 'com.example.order.created',
        time: '2025-11-10T12:34:56.789Z',
        datacontenttype: 'application/json',
        ...more,
    });
}


async function check(name, f) {
    try {
        await f();
        console.log(`ok ${name}`);

    } catch (e) {
        console.log(`not ok ${name}`);
        console.log(e.message.replace(/^/gm, '# '));
    }
}


async function post(mode, e) {
    const res = JSON.parse((await emit[mode](e, { headers })).body);

    assert.match(res.event_id ?? JSON.stringify(res), /^[0-9a-f-]{36}$/);

    return res.event_id;
}


async function read(path, accept) {
    const res = await fetch(url + path,
                            { headers: { ...headers, accept } });
    const body = await res.text();

    assert.strictEqual(res.status, 200, body);
    assert.strictEqual(res.headers.get('content-type'), accept);

    return {
        link: res.headers.get('link'),
        events: HTTP.toEvent({ headers: { 'content-type': accept }, body }),
    };
}


async function readOne(id) {
    return (await read(`/v1/events/${id}`, 'application/cloudevents+json'))
           .events;
}


// what the package keeps of an event, in any order

function same(back, sent) {
    assert.ok(back.validate());
    assert.deepStrictEqual(JSON.parse(back.toString()),
                           JSON.parse(sent.toString()));
}


async function roundTrip(mode, more) {
    const sent = event(more);

    same(await readOne(await post(mode, sent)), sent);
}


async function main() {
    for (const mode in emit) {
        await check(`${mode}: an object`, () =>
            roundTrip(mode, { data: { a: 1.5, b: ['c', null], d: {} } }));

        await check(`${mode}: an array`, () =>
            roundTrip(mode, { data: [1, 'two', null] }));

        await check(`${mode}: attributes`, () =>
            roundTrip(mode, { subject: 'a/b', priority: 'high', ext: 'x y',
                              dataschema: 'https://example.com/schema',
                              data: {} }));
    }

    const structured = `${Mode.STRUCTURED} /events`;
    const binary = `${Mode.BINARY} /events`;

    await check('extensions of other types', () =>
        roundTrip(structured, { yes: true, no: false, n: -7, data: {} }));

    await check('no data', async () => {
        const back = await readOne(await post(structured, event({})));

        assert.strictEqual(back.data, undefined);
    });

    await check('a text', () =>
        roundTrip(structured, { datacontenttype: 'text/plain',
                                data: 'h\u00e4llo "\u20ac"' }));

    await check('binary data', async () => {
        const data = new Uint8Array([0, 1, 127, 128, 255]);
        const sent = event({ data, datacontenttype: 'image/png' });
        const back = await readOne(await post(structured, sent));

        assert.strictEqual(sent.data_base64, 'AAF/gP8=');
        assert.deepStrictEqual([...back.data], [...data]);
        assert.strictEqual(back.datacontenttype, 'image/png');
    });

    await check('an extension that is encoded for a header', async () => {
        const sent = event({ ext: 'Euro%20%E2%82%AC', data: {} });
        const back = await readOne(await post(binary, sent));

        assert.strictEqual(back.ext, 'Euro \u20ac');
    });

    await check('a repetition is the same event', async () => {
        const sent = event({ data: { a: 1 } });

        assert.strictEqual(await post(structured, sent),
                           await post(structured, sent));
    });

    await check('a batch', async () => {
        const sent = [
            event({ type: 'batch', data: { a: 1 } }),
            event({ type: 'batch', data: [], ext: 5 }),
            event({ type: 'batch' }),
        ];

        const res = await fetch(`${url}/v1/events`, {
            method: 'POST',
            headers: { ...headers,
                       'content-type': 'application/cloudevents-batch+json' },
            body: JSON.stringify(sent),
        });

        const answer = await res.json();

        assert.strictEqual(res.status, 201, JSON.stringify(answer));
        assert.strictEqual(answer.success_count, 3);

        let path = '/v1/inbox?order=asc&limit=2&event_type=batch';
        const back = [];

        while (path) {
            const page = await read(path,
                                    'application/cloudevents-batch+json');

            back.push(...page.events);
            path = /^<([^>]+)>; rel="next"$/.exec(page.link ?? '')?.[1];
        }

        assert.strictEqual(back.length, 3);
        back.forEach((e, i) => same(e, sent[i]));
    });

    await check('an event of another client', async () => {
        const res = await fetch(`${url}/events`, {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify({
                source: 'my shop: caf\u00e9 #1 #2', event_type: 'a\nb',
                payload: { a: 1 },
                metadata: { correlation_id: 'c', n: 1.5, text: 'x\ty',
                            dataschema: 'v1', subject: '', ok: 'yes' },
            }),
        });

        const { event_id: id } = await res.json();
        const one = await readOne(id);

        assert.ok(one.validate());
        assert.strictEqual(one.id, id);
        assert.strictEqual(one.ok, 'yes');
        assert.deepStrictEqual(one.data, { a: 1 });

        const { events } = await read('/inbox?limit=1',
                                      'application/cloudevents-batch+json');

        assert.strictEqual(events[0].id, id);
    });
}


main();
