// Locks that nobody else wants: nested ones, and methods that lock themselves.
using System.Runtime.CompilerServices;
using System.Threading;

sealed class Account
{
    readonly object door = new object();
    long balance;
    int changes;

    public void Add(int n)
    {
        lock (door) { balance += n; Note(); }
    }

    void Note()
    {
        lock (door) changes++;
    }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public long Get() { return balance + changes; }
}

static class Locks
{
    static int shared;

    static long Work()
    {
        Account account = new Account();
        long sum = 0;
        for (int i = 0; i < 200000; i++)
        {
            account.Add(i);
            sum += account.Get();
            Interlocked.Add(ref shared, 2);
        }
        return sum;
    }

    static int Main() { return Bench.Run("locks", Work); }
}
