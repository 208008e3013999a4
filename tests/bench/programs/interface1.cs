// Interface calls that always meet the same class.
interface ICounter
{
    void Add(int n);
    long Total { get; }
}

sealed class Counter : ICounter
{
    long total;
    public void Add(int n) { total += n; }
    public long Total { get { return total; } }
}

static class Interface1
{
    static long Fill(ICounter counter)
    {
        for (int i = 0; i < 5000000; i++) counter.Add(i);
        return counter.Total;
    }

    static long Work() { return Fill(new Counter()); }

    static int Main() { return Bench.Run("interface1", Work); }
}
