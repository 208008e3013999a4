// A loop that is taken over while it runs calls its own method: queens on a board.
using System;

static class Program
{
    const int Size = 8;
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

    static void Main()
    {
        for (int i = 0; i < 3; i++) Console.WriteLine(Place(0));
    }
}
