// The queens problem twice, with arrays and with bits, each timed.
using System;

class Queens
{
    static int Place(int[] columns, int row)
    {
        if (row == columns.Length)
            return 1;
        int solutions = 0;
        for (int column = 0; column < columns.Length; column++)
        {
            int other = 0;
            while (other < row && columns[other] != column && Math.Abs(columns[other] - column) != row - other)
                other++;
            if (other < row)
                continue;
            columns[row] = column;
            solutions += Place(columns, row + 1);
        }
        return solutions;
    }

    static int PlaceBits(int all, int columns, int left, int right)
    {
        if (columns == all)
            return 1;
        int solutions = 0;
        for (int free = all & ~(columns | left | right); free != 0; free &= free - 1)
        {
            int bit = free & -free;
            solutions += PlaceBits(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
        }
        return solutions;
    }

    static void Time(string what, Func<int> work)
    {
        int start = Environment.TickCount;
        int result = work();
        int elapsed = Environment.TickCount - start;
        Console.WriteLine(what + ": " + result + " solutions in " + elapsed + " ms");
    }

    static void Main()
    {
        for (int n = 8; n <= 11; n++)
        {
            int size = n;
            Time(size + " queens with arrays", () => Place(new int[size], 0));
        }
        for (int n = 10; n <= 13; n++)
        {
            int size = n;
            Time(size + " queens with bits", () => PlaceBits((1 << size) - 1, 0, 0, 0));
        }
    }
}
