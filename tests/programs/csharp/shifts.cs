using System;

class Shifts
{
    static uint RotateLeft(uint x, int n) { return (x << n) | (x >> (32 - n)); }
    static ulong RotateLeft(ulong x, int n) { return (x << n) | (x >> (64 - n)); }

    static int PopCount(uint x)
    {
        int count = 0;
        for (; x != 0; x &= x - 1)
            count++;
        return count;
    }

    static uint ReverseBits(uint x)
    {
        x = (x >> 1) & 0x55555555 | (x & 0x55555555) << 1;
        x = (x >> 2) & 0x33333333 | (x & 0x33333333) << 2;
        x = (x >> 4) & 0x0F0F0F0F | (x & 0x0F0F0F0F) << 4;
        x = (x >> 8) & 0x00FF00FF | (x & 0x00FF00FF) << 8;
        return x >> 16 | x << 16;
    }

    static void Main()
    {
        int[] amounts = { 0, 1, 4, 15, 31, 32, 33, 63, 64, 65, -1, -31 };
        int[] ints = { 1, -1, 0x12345678, int.MinValue, int.MaxValue };
        foreach (int v in ints)
            foreach (int n in amounts)
                Console.WriteLine(v + " by " + n + ": " + (v << n) + " " + (v >> n) + " " + ((uint)v >> n) + " " + ((uint)v << n));
        long[] longs = { 1, -1, 0x123456789ABCDEF0, long.MinValue, long.MaxValue };
        foreach (long v in longs)
            foreach (int n in amounts)
                Console.WriteLine(v + " by " + n + ": " + (v << n) + " " + (v >> n) + " " + ((ulong)v >> n) + " " + ((ulong)v << n));

        // Constant amounts.
        int x = -123456;
        Console.WriteLine("" + (x << 3) + " " + (x >> 3) + " " + (x << 31) + " " + (x >> 31) + " " + (x << 0) + " " + ((uint)x >> 28));
        long y = -123456789012;
        Console.WriteLine("" + (y << 3) + " " + (y >> 3) + " " + (y << 63) + " " + (y >> 63) + " " + (y >> 32) + " " + ((ulong)y >> 60));

        byte b = 0xF0;
        Console.WriteLine((b << 4) + " " + (b >> 4) + " " + (byte)(b << 4));
        sbyte s = -16;
        Console.WriteLine((s << 4) + " " + (s >> 2));

        Console.WriteLine(RotateLeft(0x80000001u, 4));
        Console.WriteLine(RotateLeft(0x8000000000000001ul, 12));
        Console.WriteLine(PopCount(0xDEADBEEF));
        Console.WriteLine(ReverseBits(0x12345678));

        uint state = 2463534242;
        for (int i = 0; i < 10; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            Console.WriteLine(state);
        }
    }
}
