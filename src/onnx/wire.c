// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/wire.h"

enum { DEPTH = 64 };

struct cursor {
    const uint8_t *at, *end;
};

static bool read_varint(struct cursor *c, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 70 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift < 64) *v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool skip(struct cursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at)) return false;
    c->at += n;
    return true;
}

static bool read_nested(struct cursor *c, const ProtobufCFieldDescriptor *field,
                        int depth)
{
    uint64_t n;
    if (!read_varint(c, &n)) return false;
    const uint8_t *bytes = c->at;
    if (!skip(c, n)) return false;
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) return true;
    return og_wire_is_message(field->descriptor, bytes, n, depth + 1);
}

bool og_wire_is_message(const ProtobufCMessageDescriptor *kind, const uint8_t *bytes,
                        size_t n, int depth)
{
    enum { VARINT = 0, EIGHT = 1, LENGTH = 2, FOUR = 5 };
    struct cursor c = {bytes, bytes + n};
    if (depth > DEPTH) return false;
    while (c.at < c.end) {
        uint64_t tag, ignored;
        if (!read_varint(&c, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
            return false;
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(kind, (unsigned)(tag >> 3));
        bool whole = false;
        if ((tag & 7) == VARINT) whole = read_varint(&c, &ignored);
        if ((tag & 7) == EIGHT) whole = skip(&c, 8);
        if ((tag & 7) == LENGTH) whole = read_nested(&c, field, depth);
        if ((tag & 7) == FOUR) whole = skip(&c, 4);
        if (!whole) return false;
    }
    return true;
}
