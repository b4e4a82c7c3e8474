namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// The identities of the requests that were stored of late: those of an hour, and of the last 16 million at most, which is a quarter of an hour
/// at 17,000 requests a second. Takes 21 to 43 bytes for each. Not safe for use by several threads at once.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="most">How many are remembered at least, while there are so many within the hour.</param>
sealed class StoredRequests(TimeProvider time, int most = 16_000_000)
{
    /// <summary>How long an identity is remembered at least, while there is room.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromHours(1);

    // The oldest first. A whole table is forgotten at a time, so none takes identities for longer than this.
    static readonly TimeSpan LongestFilling = Window / 4;
    readonly List<Table> _tables = [];

    /// <summary>Whether a request is stored.</summary>
    /// <param name="id">Its identity.</param>
    public bool Contains(UInt128 id)
    {
        foreach (var table in _tables)
        {
            if (table.Contains(id))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Remembers a request.</summary>
    /// <param name="id">Its identity, which is a hash and not 0.</param>
    public void Add(UInt128 id)
    {
        if (_tables is [] || _tables[^1].IsFull || time.GetElapsedTime(_tables[^1].Begun) > LongestFilling)
        {
            _tables.RemoveAll(table => time.GetElapsedTime(table.LastAdded) > Window);
            if (_tables.Count > 1 + (most / Table.MostIds))
            {
                _tables.RemoveAt(0);
            }

            _tables.Add(new Table(time.GetTimestamp()));
        }

        _tables[^1].Add(id, time.GetTimestamp());
    }

    /// <summary>A set with open addressing: hashes need no hash of their own, and nothing is ever removed.</summary>
    sealed class Table(long begun)
    {
        const int FirstSlots = 1024;
        const int MostSlots = 1 << 20;

        /// <summary>How many it takes.</summary>
        public const int MostIds = MostSlots / 4 * 3;

        UInt128[] _slots = new UInt128[FirstSlots];
        int _count;

        public long Begun { get; } = begun;

        public long LastAdded { get; private set; } = begun;

        public bool IsFull => _count >= MostIds;

        public bool Contains(UInt128 id) => _slots[SlotOf(id)] == id;

        public void Add(UInt128 id, long now)
        {
            LastAdded = now;
            var slot = SlotOf(id);
            if (_slots[slot] == id)
            {
                return;
            }

            _slots[slot] = id;
            if (++_count >= _slots.Length / 4 * 3 && _slots.Length < MostSlots)
            {
                var former = _slots;
                _slots = new UInt128[2 * former.Length];
                foreach (var other in former)
                {
                    if (other != 0)
                    {
                        _slots[SlotOf(other)] = other;
                    }
                }
            }
        }

        // Where it is, or would be.
        int SlotOf(UInt128 id)
        {
            var slot = (int)((ulong)id & (ulong)(_slots.Length - 1));
            while (_slots[slot] != 0 && _slots[slot] != id)
            {
                slot = (slot + 1) & (_slots.Length - 1);
            }

            return slot;
        }
    }
}
