// SPDX-License-Identifier: MIT
// The service of README.md on Node: half-open sockets that nobody ends.
'use strict';
const net = require('net');

const kept = new Set();
const seen = {};

function saw(what) {
  seen[what] = (seen[what] || 0) + 1;
}

function touch(done) {
  let left = kept.size;
  if (left === 0) done();
  for (const socket of kept) {
    socket.on('close', () => {
      kept.delete(socket);
      saw('event close');
      if (--left === 0) done();
    });
    socket.resume();
    // Once the event loop has asked epoll about what was resumed.
    setImmediate(() => setImmediate(() => socket.write('late\n', (error) => {
      saw('write: ' + (error ? error.code : 'done'));
      socket.destroy();
    })));
  }
}

function answer(socket, line) {
  const [verb, rest] = [line.split(' ', 1)[0], line.slice(line.indexOf(' ') + 1)];
  if (verb === 'echo') {
    socket.write(rest + '\n');
  } else if (verb === 'leak' || verb === 'stall') {
    kept.add(socket);
    socket.write('kept\n');
    if (verb === 'stall') socket.pause();
  } else if (verb === 'touch') {
    touch(() => socket.write(JSON.stringify(seen) + '\n'));
  } else {
    socket.write(JSON.stringify(seen) + '\n');
  }
}

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      answer(socket, line);
    }
  });
  socket.on('end', () => (kept.has(socket) ? saw('event end') : socket.end()));
  socket.on('error', (error) => {
    if (kept.has(socket)) saw('event error ' + error.code);
    else console.error('not on a kept socket:', error);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
