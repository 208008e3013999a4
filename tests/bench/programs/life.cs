// Two-dimensional arrays of integers: the game of life on a torus.
static class Life
{
    const int Size = 128;

    static void Step(int[,] now, int[,] next)
    {
        int rows = now.GetLength(0), columns = now.GetLength(1);
        for (int r = 0; r < rows; r++)
        {
            int up = (r + rows - 1) % rows, down = (r + 1) % rows;
            for (int c = 0; c < columns; c++)
            {
                int left = (c + columns - 1) % columns, right = (c + 1) % columns;
                int neighbours = now[up, left] + now[up, c] + now[up, right]
                    + now[r, left] + now[r, right]
                    + now[down, left] + now[down, c] + now[down, right];
                next[r, c] = neighbours == 3 || neighbours == 2 && now[r, c] == 1 ? 1 : 0;
            }
        }
    }

    static long Work()
    {
        Dice dice = new Dice(71);
        int[,] now = new int[Size, Size], next = new int[Size, Size];
        for (int r = 0; r < Size; r++)
            for (int c = 0; c < Size; c++)
                now[r, c] = dice.Below(3) == 0 ? 1 : 0;
        for (int i = 0; i < 60; i++)
        {
            Step(now, next);
            int[,] t = now;
            now = next;
            next = t;
        }
        long sum = 0;
        foreach (int cell in now) sum = sum * 3 + cell;
        return sum;
    }

    static int Main() { return Bench.Run("life", Work); }
}
