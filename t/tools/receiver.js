// An endpoint for push delivery that does what the path of a request says,
// verifies signatures with the npm packages "standardwebhooks" and "svix", and
// writes a line of JSON for each request into a log:
//
//     NODE_PATH=build/node_modules node receiver.js LOG [SECRET…]
//
// listens on two free ports of 127.0.0.1, the second one with TLS if
// RECEIVER_KEY and RECEIVER_CERT name files, and says so in the first line.
//
//     /status/N        answers N; /status/N/S with Retry-After: S
//     /flaky/N         503 until a message has come N times, then 200
//     /file/NAME       the status that the file NAME of the folder of LOG
//                      says when it is asked, 200 if there is none
//     /gate/NAME       200 when there is a file NAME in that folder, and not
//                      before
//     /hang            never answers
//     /reset           resets the connection
//     /slow            answers 200 and then one byte every tenth of a second
//     /huge            answers 200 and a body without an end
//     /garbage         answers what is not HTTP
//     /sink            200, and no line in the log
//     anything else    200

'use strict';

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const path = require('path');
const { pathToFileURL } = require('url');
const standard = require('standardwebhooks');

const [log, ...secrets] = process.argv.slice(2);
const seen = new Map();
let connections = 0;
let svix;


function say(line) {
    fs.appendFileSync(log, JSON.stringify(line) + '\n');
}


// the names of the secrets that have signed, by both libraries

function verify(Webhook, headers, body) {
    return secrets.map((secret, i) => {
        try {
            new Webhook(secret).verify(body, headers);
            return i;
        } catch (e) {
            return -1;
        }
    }).filter((i) => i >= 0);
}


function status(words, message) {
    switch (words[0]) {
    case 'status':
        return Number(words[1]);
    case 'flaky':
        return seen.get(message) > Number(words[1]) ? 200 : 503;
    case 'file':
        try {
            return Number(fs.readFileSync(file(words[1])));
        } catch (e) {
            return 200;
        }
    default:
        return 200;
    }
}


function file(name) {
    return path.join(path.dirname(log), name);
}


function answer(req, res, words, message) {
    const socket = req.socket || req.stream.session.socket;

    switch (words[0]) {
    case 'gate':
        if (!fs.existsSync(file(words[1]))) {
            setTimeout(() => answer(req, res, words, message), 10);
            return;
        }

        res.writeHead(200);
        res.end();
        return;

    case 'hang':
        return;

    case 'reset':
        socket.resetAndDestroy();
        return;

    case 'garbage':
        socket.end('hello\r\n\r\n');
        return;

    case 'slow':
    case 'huge': {
        const chunk = words[0] === 'slow' ? '.' : '.'.repeat(65536);
        const timer = setInterval(() => res.write(chunk),
                                  words[0] === 'slow' ? 100 : 1);

        res.on('close', () => clearInterval(timer));
        res.writeHead(200);
        res.write(chunk);
        return;
    }

    default: {
        const headers = { 'content-type': 'text/plain' };

        if (words[0] === 'status' && words[2]) {
            headers['retry-after'] = words[2];
        }

        res.writeHead(status(words, message), headers);
        res.end('seen');
    }
    }
}


function receive(req, res) {
    const chunks = [];

    req.on('error', () => {});
    res.on('error', () => {});
    req.on('data', (chunk) => chunks.push(chunk));

    req.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const id = req.headers['webhook-id'];
        const message = `${req.url} ${id}`;
        const words = req.url.split('?')[0].split('/').slice(1);

        seen.set(message, (seen.get(message) || 0) + 1);

        if (words[0] === 'sink') {
            res.end();
            return;
        }

        say({ method: req.method, path: req.url, id, body,
              version: req.httpVersion,
              headers: Object.fromEntries(Object.entries(req.headers)),
              at: Date.now(), connection: req.socket.number,
              standard: verify(standard.Webhook, req.headers, body),
              svix: verify(svix.Webhook, req.headers, body) });

        answer(req, res, words, message);
    });
}


function start(server) {
    return new Promise((resolve) => {
        server.on('connection', (socket) => {
            socket.number = ++connections;
            socket.on('error', () => {});
        });

        server.keepAliveTimeout = 60000;
        server.listen(0, '127.0.0.1', () => resolve(server.address().port));
    });
}


(async () => {

    // has no CommonJS build, and require() of such came with Node.js 20.19

    svix = await import(pathToFileURL(require.resolve('svix')));

    const port = await start(http.createServer(receive));
    let tls;

    if (process.env.RECEIVER_KEY) {
        tls = await start(http2.createSecureServer({
            key: fs.readFileSync(process.env.RECEIVER_KEY),
            cert: fs.readFileSync(process.env.RECEIVER_CERT),
            allowHTTP1: true,
        }, receive));
    }

    say({ port, tls });
})();
