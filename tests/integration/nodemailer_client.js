// npm's nodemailer as a submission client: a JSON job in, and JSON of what came of each message out. A job has the
// options of its transport, and messages, which are sent all at once.
'use strict';
const { readFileSync } = require('node:fs');
const nodemailer = require('nodemailer');

(async () => {
    const job = JSON.parse(readFileSync(0));
    const transport = nodemailer.createTransport(job.transport);
    const answers = await Promise.all(job.messages.map(async message => {
        for (const attachment of message.attachments || []) {
            attachment.content = Buffer.from(attachment.content, 'base64');
        }
        try {
            const done = await transport.sendMail(message);
            return { accepted: done.accepted, rejected: done.rejected, response: done.response };
        } catch (error) {
            return { error: error.message, code: error.code, responseCode: error.responseCode, response: error.response };
        }
    }));
    transport.close();
    process.stdout.write(JSON.stringify(answers));
})();
