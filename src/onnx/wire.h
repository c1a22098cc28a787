// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_ONNX_WIRE_H
#define OG_ONNX_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

// Whether the bytes are a message of that kind as protocol buffers write it, of limited
// depth: protobuf-c follows nested messages on the stack, however deep a file says.
bool og_wire_is_message(const ProtobufCMessageDescriptor *kind, const uint8_t *bytes,
                        size_t n, int depth);

#endif
