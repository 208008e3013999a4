// Exceptions that leave many frames, some with finally.
using System;

sealed class Deep : Exception
{
}

static class ThrowDeep
{
    static int entered, left;

    static int Down(int depth)
    {
        if (depth == 0) throw new Deep();
        return Down(depth - 1) + 1;
    }

    static int Guarded(int depth)
    {
        entered++;
        try { return depth == 0 ? Down(10) : Guarded(depth - 1) + 1; }
        finally { left++; }
    }

    static long Work()
    {
        entered = left = 0;
        long caught = 0;
        for (int i = 0; i < 400; i++)
        {
            try { Down(25); }
            catch (Deep) { caught++; }
            try { Guarded(10); }
            catch (Deep) { caught += 2; }
        }
        return caught * 1000000 + entered * 1000 + left;
    }

    static int Main() { return Bench.Run("throwdeep", Work); }
}
