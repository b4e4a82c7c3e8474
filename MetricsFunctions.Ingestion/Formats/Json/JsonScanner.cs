using System.Buffers;

namespace MetricsFunctions.Ingestion.Formats.Json;

/// <summary>
/// Walks over JSON (RFC 8259) that may be cut off anywhere. It throws nothing, whatever the text: a body can be a million broken lines.
/// Its methods answer <see langword="false"/> for what is no JSON; <see cref="RanOut"/> then tells whether more text could still make it so.
/// </summary>
/// <param name="text">The text, or as much as there is of it.</param>
/// <param name="isLast">Whether it ends here.</param>
ref struct JsonScanner(ReadOnlySpan<byte> text, bool isLast)
{
    /// <summary>Deepest nesting of arrays and objects that is read.</summary>
    public const int MaxDepth = 64;

    static readonly SearchValues<byte> StringEnds = SearchValues.Create(
        [(byte)'"', (byte)'\\', .. Enumerable.Range(0, ' ').Select(control => (byte)control)]);

    readonly ReadOnlySpan<byte> _text = text;

    /// <summary>Where the scanner is.</summary>
    public int At { get; private set; }

    /// <summary>Whether the text ended where JSON does not.</summary>
    public bool RanOut { get; private set; }

    bool IsTooDeep { get; set; }

    /// <summary>Goes to the next token and answers its first byte; 0, which begins none, at the end of the text.</summary>
    public byte Next()
    {
        for (; At < _text.Length; At++)
        {
            var next = _text[At];
            if (next is not ((byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t'))
            {
                return next;
            }
        }

        RanOut = true;
        return 0;
    }

    /// <summary>Steps over the byte that <see cref="Next"/> answered.</summary>
    public void Step() => At++;

    /// <summary>Reads the name of a property and the colon behind it.</summary>
    public bool ReadProperty(out JsonText name)
    {
        name = default;
        if (Next() != '"' || !ReadString(out name) || Next() != ':')
        {
            return false;
        }

        At++;
        return true;
    }

    /// <summary>Reads the string that begins here.</summary>
    public bool ReadString(out JsonText content)
    {
        content = default;
        var begin = ++At;
        var isEscaped = false;
        while (true)
        {
            var length = _text[At..].IndexOfAny(StringEnds);
            if (length < 0)
            {
                return CutOff();
            }

            At += length;
            switch (_text[At])
            {
                case (byte)'"':
                    content = new JsonText(_text[begin..At++], isEscaped);
                    return true;
                case (byte)'\\':
                    isEscaped = true;
                    if (!SkipEscape())
                    {
                        return false;
                    }

                    break;
                default:
                    // A control character.
                    return false;
            }
        }
    }

    /// <summary>Whether a token with this first byte is a number.</summary>
    public static bool BeginsNumber(byte first) => first is (byte)'-' or (>= (byte)'0' and <= (byte)'9');

    /// <summary>Reads the number that begins here.</summary>
    public bool ReadNumber(out ReadOnlySpan<byte> number)
    {
        number = default;
        var begin = At;
        if (_text[At] == '-')
        {
            At++;
        }

        // No digit may follow a leading zero; what comes behind the number finds that out.
        if (At < _text.Length && _text[At] == '0')
        {
            At++;
        }
        else if (!SkipDigits())
        {
            return false;
        }

        if (At < _text.Length && _text[At] == '.')
        {
            At++;
            if (!SkipDigits())
            {
                return false;
            }
        }

        if (At < _text.Length && (_text[At] | 0x20) == 'e')
        {
            At++;
            if (At < _text.Length && _text[At] is (byte)'+' or (byte)'-')
            {
                At++;
            }

            if (!SkipDigits())
            {
                return false;
            }
        }

        // It may go on in the text to come.
        if (At == _text.Length && !isLast)
        {
            return CutOff();
        }

        number = _text[begin..At];
        return true;
    }

    /// <summary>Steps over the value that begins at the next token, whatever it is.</summary>
    /// <param name="depth">In how many arrays and objects it lies.</param>
    public bool SkipValue(int depth)
    {
        // Of the arrays and objects that are open inside the value, a bit each: is it an object?
        var objects = 0UL;
        var outside = depth;
        while (true)
        {
            var next = Next();
            if (next is (byte)'{' or (byte)'[')
            {
                if (depth == MaxDepth)
                {
                    IsTooDeep = true;
                    return false;
                }

                var isObject = next == '{';
                objects = (objects << 1) | (isObject ? 1UL : 0);
                At++;
                depth++;
                if (Next() != (isObject ? '}' : ']'))
                {
                    if (isObject && !ReadProperty(out _))
                    {
                        return false;
                    }

                    continue;
                }
            }
            else if (!SkipScalar(next))
            {
                return false;
            }

            // Behind a value, or at the end of an empty array or object.
            while (depth > outside && Next() == ((objects & 1) != 0 ? '}' : ']'))
            {
                At++;
                depth--;
                objects >>= 1;
            }

            if (depth == outside)
            {
                return true;
            }

            if (Next() != ',')
            {
                return false;
            }

            At++;
            if ((objects & 1) != 0 && !ReadProperty(out _))
            {
                return false;
            }
        }
    }

    /// <summary>Tells, after a <see langword="false"/>, what is wrong, as a clause that follows the value's name.</summary>
    /// <param name="begin">Where the value began.</param>
    public readonly string Describe(int begin) =>
        IsTooDeep ? $"is nested deeper than {MaxDepth} levels"
        : RanOut ? "is not valid JSON: it is cut off"
        : $"is not valid JSON from its byte {At - begin + 1} on";

    bool SkipScalar(byte first) => first switch
    {
        (byte)'"' => ReadString(out _),
        (byte)'t' => SkipWord("true"u8),
        (byte)'f' => SkipWord("false"u8),
        (byte)'n' => SkipWord("null"u8),
        _ => BeginsNumber(first) && ReadNumber(out _),
    };

    bool SkipWord(ReadOnlySpan<byte> word)
    {
        var rest = _text[At..];
        if (rest.StartsWith(word))
        {
            At += word.Length;
            return true;
        }

        return word.StartsWith(rest) && CutOff();
    }

    bool SkipDigits()
    {
        var begin = At;
        while (At < _text.Length && char.IsAsciiDigit((char)_text[At]))
        {
            At++;
        }

        return At > begin || (At == _text.Length && CutOff());
    }

    bool SkipEscape()
    {
        if (At + 1 >= _text.Length)
        {
            return CutOff();
        }

        switch (_text[At + 1])
        {
            case (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t':
                At += 2;
                return true;
            case (byte)'u':
                At += 2;
                for (var end = At + 4; At < end; At++)
                {
                    if (At == _text.Length)
                    {
                        return CutOff();
                    }

                    if (!char.IsAsciiHexDigit((char)_text[At]))
                    {
                        return false;
                    }
                }

                return true;
            default:
                return false;
        }
    }

    bool CutOff()
    {
        At = _text.Length;
        RanOut = true;
        return false;
    }
}
