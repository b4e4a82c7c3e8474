namespace MetricsFunctions.Ingestion.Memory;

/// <summary>
/// Bounds the memory that requests have together, from the first bytes of a body until its samples are stored. Small requests have half as much
/// beside for themselves, so that large ones can't shut them out.
/// </summary>
/// <param name="maxBytes">What large requests may have together; the rows of one that come to more never fit.</param>
sealed class MemoryBudget(long maxBytes)
{
    /// <summary>A request that has more is a large one.</summary>
    public const int LargestSmall = 256 * 1024;

    /// <summary>What all small requests have.</summary>
    public Share Small { get; } = new(maxBytes / 2);

    /// <summary>What all large requests have.</summary>
    public Share Large { get; } = new(maxBytes);

    /// <summary>Begins a request.</summary>
    public Room Open() => new(this);

    /// <summary>A part of the memory.</summary>
    /// <param name="limit">Its size in bytes.</param>
    internal sealed class Share(long limit)
    {
        long _taken;

        /// <summary>Its size in bytes.</summary>
        public long Limit => limit;

        /// <summary>How much of it is taken.</summary>
        public long Taken => Volatile.Read(ref _taken);

        /// <summary>Takes more, or gives back.</summary>
        /// <returns>How much is taken now.</returns>
        public long Add(long bytes) => Interlocked.Add(ref _taken, bytes);
    }

    /// <summary>What one request has. Safe for use by several threads at once.</summary>
    internal sealed class Room(MemoryBudget budget) : IDisposable
    {
        readonly Lock _gate = new();
        Share _share = budget.Small;
        long _held;
        long _rows;

        /// <summary>Why there is no more for it, if there was not.</summary>
        public RoomFault? Fault { get; private set; }

        /// <summary>Takes memory for the body.</summary>
        /// <exception cref="NoRoomException">There is no more, which <see cref="Fault"/> tells also later.</exception>
        public void Take(long bytes)
        {
            if (!TryTake(bytes))
            {
                throw new NoRoomException();
            }
        }

        /// <summary>Takes memory for rows; <see langword="false"/> when there is no more.</summary>
        public bool TryTakeRows(long bytes)
        {
            lock (_gate)
            {
                _rows += bytes;
                if (_rows > budget.Large.Limit)
                {
                    Fault = RoomFault.NeverFits;
                }

                return TryTake(bytes);
            }
        }

        /// <summary>Gives memory back before the request ends.</summary>
        public void Give(long bytes) => TryTake(-bytes);

        /// <summary>Gives all memory back.</summary>
        public void Dispose()
        {
            lock (_gate)
            {
                _share.Add(-_held);
                _held = 0;
            }
        }

        bool TryTake(long bytes)
        {
            lock (_gate)
            {
                _held += bytes;
                if (_held > LargestSmall && _share == budget.Small)
                {
                    budget.Small.Add(bytes - _held);
                    budget.Large.Add(_held - bytes);
                    _share = budget.Large;
                }

                // One large request alone may go beyond: the body of one whose rows fit can be larger than what they leave.
                var taken = _share.Add(bytes);
                if (bytes > 0 && taken > _share.Limit && (taken > _held || _share == budget.Small))
                {
                    Fault ??= RoomFault.Full;
                }

                return Fault is null;
            }
        }
    }
}

/// <summary>Why a request gets no more memory.</summary>
enum RoomFault
{
    /// <summary>Others have it.</summary>
    Full,

    /// <summary>Its rows alone are too much.</summary>
    NeverFits,
}

/// <summary>A request gets no more memory for its body.</summary>
sealed class NoRoomException : Exception;
