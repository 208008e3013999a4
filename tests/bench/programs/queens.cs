// Recursion over arrays: solutions of the problem of eleven queens.
static class Queens
{
    const int Size = 11;
    static readonly bool[] columns = new bool[Size];
    static readonly bool[] rising = new bool[2 * Size];
    static readonly bool[] falling = new bool[2 * Size];

    static int Place(int row)
    {
        if (row == Size) return 1;
        int solutions = 0;
        for (int column = 0; column < Size; column++)
        {
            if (columns[column] || rising[row + column] || falling[row - column + Size]) continue;
            columns[column] = rising[row + column] = falling[row - column + Size] = true;
            solutions += Place(row + 1);
            columns[column] = rising[row + column] = falling[row - column + Size] = false;
        }
        return solutions;
    }

    static long Work() { return Place(0); }

    static int Main() { return Bench.Run("queens", Work); }
}
