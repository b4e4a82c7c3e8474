using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// Writes in protobuf what is written in JSON (<see href="https://protobuf.dev/programming-guides/json/"/>, with what
/// <see href="https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding"/> makes different: enumerations are integers).
/// </summary>
ref struct JsonMessageReader
{
    /// <summary>Bytes of working memory that a reader needs: more than the names of fields and numbers have.</summary>
    public const int Scratch = 256;

    const NumberStyles PlainNumber = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    readonly WireWriter _writer;
    readonly Span<byte> _room;

    JsonScanner _json;
    int _begin;
    string? _fault;

    /// <summary>Makes a reader for one message.</summary>
    /// <param name="json">The JSON.</param>
    /// <param name="writer">Where to write it.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public JsonMessageReader(ReadOnlySpan<byte> json, WireWriter writer, Span<byte> scratch)
    {
        _json = new JsonScanner(json, isLast: true);
        _writer = writer;
        _room = scratch;
    }

    /// <summary>Reads the message.</summary>
    /// <param name="schema">What it has.</param>
    /// <returns>What is wrong, as a clause that follows "the body".</returns>
    public string? Read(MessageSchema schema)
    {
        if (_json.Next() != '{' && !_json.RanOut)
        {
            return "must be a JSON object, an ExportMetricsServiceRequest";
        }

        if (_json.RanOut || !ReadMessage(schema, depth: 1))
        {
            return _fault ?? _json.Describe(0);
        }

        _json.Next();
        return _json.RanOut ? null : "goes on behind its JSON object";
    }

    bool ReadMessage(MessageSchema schema, int depth)
    {
        if (depth > JsonScanner.MaxDepth)
        {
            _fault = $"is nested deeper than {JsonScanner.MaxDepth} levels";
            return false;
        }

        _json.Step();
        if (StepOver('}'))
        {
            return true;
        }

        do
        {
            if (!_json.ReadProperty(out var name))
            {
                return false;
            }

            var field = schema.Find(name.Unescape(_room));
            if (field is null || _json.Next() == 'n' ? !_json.SkipValue(depth) : !ReadField(field, depth))
            {
                return false;
            }
        }
        while (StepOver(','));

        return StepOver('}');
    }

    bool ReadField(MessageField field, int depth)
    {
        if (!field.IsRepeated)
        {
            return ReadValue(field, depth);
        }

        if (_json.Next() != '[')
        {
            _begin = _json.At;
            return Fail(field, "an array");
        }

        _json.Step();
        if (StepOver(']'))
        {
            return true;
        }

        var isPacked = field.Type != FieldType.Message;
        var begin = isPacked ? _writer.Begin(field.Number) : 0;
        do
        {
            if (!ReadValue(field, depth + 1))
            {
                return false;
            }
        }
        while (StepOver(','));

        if (isPacked)
        {
            _writer.End(begin);
        }

        return StepOver(']');
    }

    bool ReadValue(MessageField field, int depth)
    {
        var next = _json.Next();
        _begin = _json.At;
        switch (field.Type)
        {
            case FieldType.Message:
                if (next != '{')
                {
                    return Fail(field, "an object");
                }

                var begin = _writer.Begin(field.Number);
                var isMessage = ReadMessage(field.Message!, depth + 1);
                _writer.End(begin);
                return isMessage;

            case FieldType.String or FieldType.Bytes:
                return next != '"' ? Fail(field, "a string")
                    : _json.ReadString(out var text) && (field.Type == FieldType.String ? WriteString(field, text) : WriteBase64(field, text));

            case FieldType.Boolean:
                if (next is not ((byte)'t' or (byte)'f'))
                {
                    return Fail(field, "true or false");
                }

                _writer.WriteVarint(field.Number, next == 't' ? 1UL : 0);
                return _json.SkipValue(depth);

            default:
                return ReadNumber(field, next);
        }
    }

    // Integers of 64 bits come in strings, because JavaScript has none, and so do numbers that JSON has not.
    bool ReadNumber(MessageField field, byte next)
    {
        ReadOnlySpan<byte> number;
        if (next == '"')
        {
            if (!_json.ReadString(out var text))
            {
                return false;
            }

            number = text.Unescape(_room);
        }
        else if (!JsonScanner.BeginsNumber(next))
        {
            return Fail(field, "a number");
        }
        else if (!_json.ReadNumber(out number))
        {
            return false;
        }

        if (field.Type == FieldType.Double)
        {
            double value;
            if (next != '"')
            {
                value = DecimalNumber.ToDouble(number);
            }
            else if (!double.TryParse(number, PlainNumber, CultureInfo.InvariantCulture, out value))
            {
                return Fail(field, "a number");
            }

            Write(field, BitConverter.DoubleToUInt64Bits(value));
            return true;
        }

        if (!TryReadInteger(field.Type, number, out var bits))
        {
            return Fail(field, "an integer of the right size");
        }

        Write(field, bits);
        return true;
    }

    static bool TryReadInteger(FieldType type, ReadOnlySpan<byte> number, out ulong bits)
    {
        if (type is FieldType.Fixed64 or FieldType.UInt64)
        {
            return TryReadUnsigned(number, out bits);
        }

        var isInteger = TryReadSigned(number, out var value);
        bits = (ulong)(type == FieldType.ZigZag32 ? (value << 1) ^ (value >> 63) : value);
        return isInteger && (type != FieldType.ZigZag32 || (value >= int.MinValue && value <= int.MaxValue));
    }

    static bool TryReadUnsigned(ReadOnlySpan<byte> number, out ulong value)
    {
        if (Utf8Parser.TryParse(number, out value, out int length) && length == number.Length)
        {
            return true;
        }

        var isInteger = TryReadWhole(number, out var whole) && whole >= ulong.MinValue && whole <= ulong.MaxValue;
        value = isInteger ? (ulong)whole : 0;
        return isInteger;
    }

    static bool TryReadSigned(ReadOnlySpan<byte> number, out long value)
    {
        if (Utf8Parser.TryParse(number, out value, out int length) && length == number.Length)
        {
            return true;
        }

        var isInteger = TryReadWhole(number, out var whole) && whole >= long.MinValue && whole <= long.MaxValue;
        value = isInteger ? (long)whole : 0;
        return isInteger;
    }

    // 1e3 and 1.0 are integers, too.
    static bool TryReadWhole(ReadOnlySpan<byte> number, out decimal value) =>
        decimal.TryParse(number, PlainNumber, CultureInfo.InvariantCulture, out value) && value == decimal.Truncate(value);

    void Write(MessageField field, ulong bits)
    {
        var isFixed = field.Type is FieldType.Double or FieldType.Fixed64 or FieldType.SignedFixed64;
        if (field.IsRepeated && isFixed)
        {
            _writer.AppendFixed64(bits);
        }
        else if (field.IsRepeated)
        {
            _writer.AppendVarint(bits);
        }
        else if (isFixed)
        {
            _writer.WriteFixed64(field.Number, bits);
        }
        else
        {
            _writer.WriteVarint(field.Number, bits);
        }
    }

    readonly bool WriteString(MessageField field, JsonText text)
    {
        // Without its escapes it is not longer.
        var begin = _writer.Begin(field.Number);
        var room = _writer.Reserve(text.RawLength);
        var clean = text.Unescape(room);
        clean.CopyTo(room);
        _writer.Truncate(begin + clean.Length);
        _writer.End(begin);
        return true;
    }

    bool WriteBase64(MessageField field, JsonText text)
    {
        var base64 = Encoding.UTF8.GetString(text.Unescape(new byte[text.RawLength])).Replace('-', '+').Replace('_', '/').TrimEnd('=');
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='), bytes, out var length))
        {
            return Fail(field, "base64");
        }

        _writer.WriteBytes(field.Number, bytes.AsSpan(0, length));
        return true;
    }

    bool StepOver(char token)
    {
        if (_json.Next() != token)
        {
            return false;
        }

        _json.Step();
        return true;
    }

    bool Fail(MessageField field, string what)
    {
        _fault = _json.RanOut ? null : $"must have {what} for {Encoding.UTF8.GetString(field.Name)}, at its byte {_begin + 1}";
        return false;
    }
}
