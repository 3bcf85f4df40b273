// npm's mailauth as a peer: JSON lines in, JSON lines out. {"op": "verify" | "sign" | "seal", ...}; see peers.py.
'use strict';
const readline = require('node:readline');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { dkimSign } = require('mailauth/lib/dkim/sign');
const { arc, sealMessage } = require('mailauth/lib/arc');

const resolverOf = zone => async name => {
    const texts = zone[name.toLowerCase()];
    if (texts) return texts.map(text => [text]);
    const error = new Error('not found');
    error.code = 'ENOTFOUND';
    throw error;
};

const operations = {
    async verify({ message, zone, strict }) {
        const resolver = resolverOf(zone);
        const found = await dkimVerify(message, { resolver, strict });
        const chain = await arc(found.arc, { resolver, strict });
        return {
            dkim: found.results.map(r => ({ result: r.status.result, selector: r.selector || null, why: r.status.comment || '' })),
            arc: (chain && chain.status && chain.status.result) || 'none'
        };
    },
    async sign({ message, domain, selector, key, canon, algorithm }) {
        const done = await dkimSign(message, {
            canonicalization: canon, algorithm,
            signatureData: [{ signingDomain: domain, selector, privateKey: key, algorithm, canonicalization: canon }]
        });
        if (done.errors.length) throw new Error(String(done.errors[0].err || done.errors[0]));
        return { text: done.signatures };
    },
    async seal({ message, domain, selector, key, zone, results }) {
        const text = await sealMessage(message, {
            signingDomain: domain, selector, privateKey: key, algorithm: 'rsa-sha256', authResults: results, cv: 'none',
            resolver: resolverOf(zone)
        });
        return { text: text.toString('binary') };
    }
};

(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const request = JSON.parse(line);
        request.message = Buffer.from(request.message_base64, 'base64');
        let answer;
        try {
            answer = await operations[request.op](request);
        } catch (error) {
            answer = { error: String(error) };
        }
        process.stdout.write(JSON.stringify(answer) + '\n');
    }
})();
