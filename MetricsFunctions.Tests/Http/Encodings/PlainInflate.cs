using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>Reads DEFLATE (RFC 1951) a bit at a time.</summary>
sealed class PlainInflate
{
    static readonly int[] Lengths = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    static readonly int[] LengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    static readonly int[] LengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    static readonly Code Fixed = new([.. Enumerable.Range(0, 288).Select(symbol => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)]);
    static readonly Code FixedDistances = new([.. Enumerable.Repeat(5, 32)]);

    readonly PlainBytes _bytes;
    readonly List<byte> _body;
    readonly int _begin;
    int _byte;
    int _bitsLeft;

    PlainInflate(PlainBytes bytes, List<byte> body) => (_bytes, _body, _begin) = (bytes, body, body.Count);

    /// <summary>Reads up to where a stream ends.</summary>
    public static void Read(PlainBytes bytes, List<byte> body) => new PlainInflate(bytes, body).ReadBlocks();

    void ReadBlocks()
    {
        for (var isLast = false; !isLast;)
        {
            isLast = Bits(1) == 1;
            switch (Bits(2))
            {
                case 0:
                    _bitsLeft = 0;
                    var length = _bytes.Little(2);
                    Check(_bytes.Little(2) == (length ^ 0xFFFF));
                    _body.AddRange(_bytes.Take(length));
                    break;
                case 1:
                    ReadBlock(Fixed, FixedDistances);
                    break;
                case 2:
                    ReadOwnCodes();
                    break;
                default:
                    Check(false);
                    break;
            }
        }
    }

    void ReadOwnCodes()
    {
        var (literals, distances, count) = (Bits(5) + 257, Bits(5) + 1, Bits(4) + 4);
        Check(literals <= 286 && distances <= 30);
        var ofLengths = new int[19];
        for (var i = 0; i < count; i++)
        {
            ofLengths[LengthOrder[i]] = Bits(3);
        }

        var code = new Code(ofLengths);
        Check(code.IsComplete);
        var lengths = new List<int>();
        while (lengths.Count < literals + distances)
        {
            var symbol = Symbol(code);
            Check(symbol != 16 || lengths.Count > 0);
            lengths.AddRange(symbol switch
            {
                16 => Enumerable.Repeat(lengths[^1], 3 + Bits(2)),
                17 => Enumerable.Repeat(0, 3 + Bits(3)),
                18 => Enumerable.Repeat(0, 11 + Bits(7)),
                _ => [symbol],
            });
        }

        Check(lengths.Count == literals + distances && lengths[256] > 0);
        var (ofLiterals, ofDistances) = (new Code([.. lengths[..literals]]), new Code([.. lengths[literals..]]));
        Check((ofLiterals.IsComplete || ofLiterals.Longest == 1) && (ofDistances.IsComplete || ofDistances.Longest <= 1));
        ReadBlock(ofLiterals, ofDistances);
    }

    void ReadBlock(Code literals, Code distances)
    {
        while (Symbol(literals) is var symbol and not 256)
        {
            if (symbol < 256)
            {
                _body.Add((byte)symbol);
                continue;
            }

            Check(symbol <= 285);
            var length = Lengths[symbol - 257] + Bits(LengthBits[symbol - 257]);
            var distance = Symbol(distances);
            Check(distance < 30);
            var bits = Math.Max((distance / 2) - 1, 0);
            var offset = (distance < 2 ? distance : (2 + (distance % 2)) << bits) + 1 + Bits(bits);
            Check(offset <= _body.Count - _begin);
            Copy(_body, offset, length);
        }
    }

    int Symbol(Code code)
    {
        for (int length = 1, bits = 0; length <= 15; length++)
        {
            bits = (bits << 1) | Bits(1);
            if (code.Find(length, bits) is { } symbol)
            {
                return symbol;
            }
        }

        throw new InvalidDataException();
    }

    int Bits(int count)
    {
        var bits = 0;
        for (var i = 0; i < count; i++)
        {
            if (_bitsLeft == 0)
            {
                (_byte, _bitsLeft) = (_bytes.Byte(), 8);
            }

            bits |= (_byte & 1) << i;
            _byte >>= 1;
            _bitsLeft--;
        }

        return bits;
    }

    /// <summary>A canonical Huffman code.</summary>
    sealed class Code
    {
        readonly int[][] _symbols = new int[16][];
        readonly int[] _first = new int[16];

        public Code(int[] lengths)
        {
            var left = 1;
            for (int length = 1, code = 0; length <= 15; length++)
            {
                _symbols[length] = [.. Enumerable.Range(0, lengths.Length).Where(symbol => lengths[symbol] == length)];
                _first[length] = code;
                code = (code + _symbols[length].Length) << 1;
                left = (left << 1) - _symbols[length].Length;
                Check(left >= 0);
            }

            IsComplete = left == 0;
            Longest = lengths.Max();
        }

        public bool IsComplete { get; }

        public int Longest { get; }

        public int? Find(int length, int bits) =>
            bits - _first[length] is var index && index >= 0 && index < _symbols[length].Length ? _symbols[length][index] : null;
    }
}
