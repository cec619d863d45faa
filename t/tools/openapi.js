// Reads docs/openapi.yaml for t/lib/Triggers/OpenAPI.pm: writes the document
// as one line of JSON, then answers each line {"schema": pointer, "text":
// JSON} with the list of what is wrong with that text: where it does not fit
// the schema, and which of its members the schema does not describe.

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const [file, packages] = process.argv.slice(2);
const load = require('node:module').createRequire(path.resolve(packages, 'x'));

const YAML = load('yaml');
const Ajv = load('ajv/dist/2020').default;

const api = YAML.parse(fs.readFileSync(file, 'utf8'), { strict: true });
const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });

load('ajv-formats').default(ajv);
ajv.addSchema(api, 'api');


function resolve(pointer) {
    return pointer.split('/').slice(1).reduce(
        (node, name) => node[decodeURIComponent(name).replaceAll('~1', '/')
                                                     .replaceAll('~0', '~')],
        api);
}


// a schema and all it is made of

function parts(schema) {
    const inner = [schema.allOf, schema.anyOf, schema.oneOf].flat()
                  .filter(Boolean);

    if (schema.$ref) {
        inner.push(resolve(schema.$ref));
    }

    return [schema, ...inner.flatMap(parts)];
}


function undescribed(schemas, value, at) {
    const all = schemas.flatMap(parts);

    if (Array.isArray(value)) {
        const items = all.map((s) => s.items).filter(Boolean);
        return value.flatMap((v, i) => undescribed(items, v, `${at}/${i}`));
    }

    if (value === null || typeof value !== 'object'
        || all.every((s) => !s.properties))
    {
        return [];
    }

    const open = all.some((s) => s.additionalProperties);

    return Object.entries(value).flatMap(([name, v]) => {
        const known = all.map((s) => s.properties?.[name]).filter(Boolean);

        return known.length ? undescribed(known, v, `${at}/${name}`)
             : open ? [] : [`${at}/${name} is not described`];
    });
}


function check({ schema, text }) {
    let value;

    try {
        value = JSON.parse(text);

    } catch (e) {
        return [`no JSON: ${e.message}`];
    }

    const validate = ajv.compile({ $ref: `api${schema}` });

    if (!validate(value)) {
        return validate.errors.map((e) => `${e.instancePath || '/'} `
                                          + `${e.message} `
                                          + JSON.stringify(e.params));
    }

    return undescribed([{ $ref: schema }], value, '');
}


console.log(JSON.stringify(api));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    console.log(JSON.stringify(check(JSON.parse(line))));
});
